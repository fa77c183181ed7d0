"""How an object that has no replica for want of requests stands, as its conditions have it. Pure."""

from deepseek_operator.api.autoscaling import Hold
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.rollout.switch import Roles
from deepseek_operator.standby import Standby

_STARTS = frozenset(
    {
        Reason.STARTING, Reason.IMAGE_PULLING, Reason.ENGINE_LOADING, Reason.NOT_ANSWERING,
        Reason.WARMING_UP,
    }
)  # fmt: skip
"""What every pod goes through: it is on its way, and nothing is wrong."""


def may_sleep(deployment: DeepSeekDeployment) -> bool:
    """Whether there may be no replica, so that gateways hold who asks."""
    asked = deployment.spec.autoscaling
    return asked is not None and asked.may_sleep


def sleeps(deployment: DeepSeekDeployment, roles: Roles) -> bool:
    """Whether the revision that serves has no replica for as long as nobody asks."""
    serves = roles.serving is not None and not roles.shut
    return may_sleep(deployment) and serves and roles.replicas.get(roles.routed) == 0


def said(deployment: DeepSeekDeployment, model: str, standing_in: Standby | None) -> str:
    """What becomes of the next request, for people."""
    if standing_in is not None:
        return (
            f"no replica of {model} runs, as nobody asks; {standing_in.model} answers the first "
            "requests, which start one"
        )
    return (
        f"no replica of {model} runs, as nobody asks; the first request starts one and waits for it, "
        f"for {hold_of(deployment).timeout} at most"
    )


def waking(
    deployment: DeepSeekDeployment, roles: Roles, reason: Reason, message: str
) -> tuple[Reason, str]:
    """Why nobody answers, where requests wait at the gateway meanwhile; what does not go by itself keeps its own reason."""
    if not may_sleep(deployment) or roles.serving is None or roles.shut:
        return reason, message
    message = f"{message}; requests wait at the gateway"
    return (Reason.WAKING if reason in _STARTS else reason), message


def hold_of(deployment: DeepSeekDeployment) -> Hold:
    """How requests are held where they are; what is not said has its default."""
    asked = deployment.spec.autoscaling
    return Hold() if asked is None or asked.hold is None else asked.hold
