"""Who may reach an object's pods as it is now: its NetworkPolicies. Pure."""

from collections.abc import Iterable, Mapping

from deepseek_operator import passage
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway, policies
from deepseek_operator.engines.contract import Policies, Tracing
from deepseek_operator.fetching import Fetching
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout.revisions import Shape


def network_policies(
    deployment: DeepSeekDeployment,
    observed: Observed,
    chosen: Policies | None,
    *,
    tracing: Tracing | None,
    routed: str,
    shapes: Iterable[Shape],
    fetched: Mapping[str, Fetching],
) -> list[Manifest]:
    """What is to be there before any pod is; none where the platform team wants none."""
    if chosen is None:
        return []
    in_groups = any(shape.group is not None for shape in shapes) or bool(observed.groups)
    scene = policies.Scene(
        deployment,
        chosen,
        # As long as the clients' Service, or a Gateway of others, leads to engines.
        is_reached_directly=bool(observed.routes)
        or not passage.takes_clients(deployment, observed, routed),
        fetches=bool(fetched),
        copies=any(one.template is not None for one in fetched.values()),
        in_groups=in_groups,
        collector=tracing if gateway.is_traced(deployment) else None,
    )
    return policies.build_policies(scene)
