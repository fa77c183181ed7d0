"""What gateways make of the Secrets that an object's gateway names, in words. Pure.

The operator reads no Secret: agents tell what they follow, and never what is secret.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from deepseek_operator.api.conditions import Condition, ConditionType, Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.diagnosis import MESSAGE_LIMIT, Finding
from deepseek_operator.observed import Gateway

LOOK_SECONDS = 60.0
"""How soon a pass asks again: nothing is watched that changes with a Secret."""

EXPIRY_WARNING = timedelta(days=14)
"""cert-manager renews after two thirds of a lifetime: of 90 days that is a month before the end."""


def names_secrets(deployment: DeepSeekDeployment) -> bool:
    """Whether the gateway uses any."""
    gateway = deployment.spec.gateway
    is_there = gateway.provider == "Embedded"
    return is_there and (gateway.api_keys is not None or gateway.tls is not None)


def locked(deployment: DeepSeekDeployment, gateways: Iterable[Gateway]) -> Finding | None:
    """Why a gateway lets nobody in: it has had nothing of a Secret that it could follow."""
    for field, secret, one in _told(deployment, gateways):
        if not one.get("held"):
            return _not_followed(field, secret, one, "until then its new replicas let nobody in")
    return None


def condition(
    deployment: DeepSeekDeployment, gateways: Iterable[Gateway], *, now: datetime
) -> list[Condition]:
    """One, where the gateway uses Secrets."""
    if not names_secrets(deployment):
        return []
    gateways = tuple(gateways)
    kind = ConditionType.SECRETS_READY
    found = locked(deployment, gateways) or _finding(deployment, gateways, now=now)
    if found is not None:
        return [Condition(kind, "False", found.reason, found.message)]
    if not list(_told(deployment, gateways)):
        message = "no gateway has told yet what it follows"
        return [Condition(kind, "Unknown", Reason.GATEWAY_STARTING, message)]
    message = "gateways follow all of " + " and ".join(
        f"Secret {secret} ({field})" for field, secret in _fields(deployment).items()
    )
    return [Condition(kind, "True", Reason.SECRETS_FOLLOWED, message)]


def _finding(
    deployment: DeepSeekDeployment, gateways: tuple[Gateway, ...], *, now: datetime
) -> Finding | None:
    told = list(_told(deployment, gateways))
    for field, secret, one in told:
        if one.get("trouble"):
            return _not_followed(field, secret, one, "what was good before still counts")
    for field, secret, one in told:
        if one.get("unknown"):
            clients = ", ".join(map(str, one["unknown"][:5]))
            said = f"{field}.limits: Secret {secret} has no entry {clients}: "
            return Finding(
                Reason.UNKNOWN_CLIENT,
                f"{said}correct the client, or remove its limit"[:MESSAGE_LIMIT],
            )
    return _first_end(told, now=now)


def _first_end(told: Iterable[tuple[str, str, dict[str, Any]]], *, now: datetime) -> Finding | None:
    """Of the certificate that ends first, if that is soon."""
    ends = [
        (datetime.fromisoformat(str(one["expires"])), field, secret)
        for field, secret, one in told
        if one.get("expires")
    ]
    if not ends:
        return None
    end, field, secret = min(ends)
    if end > now + EXPIRY_WARNING:
        return None
    is_over = end <= now
    said = f"{field}: the certificate of Secret {secret} {'ended' if is_over else 'ends'} at "
    reason = Reason.CERTIFICATE_EXPIRED if is_over else Reason.CERTIFICATE_EXPIRING
    return Finding(reason, f"{said}{end:%Y-%m-%dT%H:%M:%SZ}: renew it in the Secret")


def _not_followed(field: str, secret: str, one: dict[str, Any], then: str) -> Finding:
    said = "; ".join(map(str, one.get("trouble") or ["it has not been read yet"]))
    message = f"{field}.secretName: Secret {secret}: {said}"[: MESSAGE_LIMIT - len(then) - 2]
    return Finding(Reason.SECRET_NOT_FOLLOWED, f"{message}; {then}")


def _fields(deployment: DeepSeekDeployment) -> dict[str, str]:
    gateway = deployment.spec.gateway
    named = {"gateway.apiKeys": gateway.api_keys, "gateway.tls": gateway.tls}
    return {field: one.secret_name for field, one in named.items() if one is not None}


def _told(
    deployment: DeepSeekDeployment, gateways: Iterable[Gateway]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Field, Secret and what was told of it, of each gateway that uses it and answers."""
    for gateway in gateways:
        secrets = (gateway.report or {}).get("secrets") or {}
        for field, secret in _fields(deployment).items():
            one = secrets.get(field.removeprefix("gateway."))
            if isinstance(one, dict):
                yield field, secret, one
