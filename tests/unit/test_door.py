"""What gateways tell of their Secrets, in words for the object's status."""

from typing import Any

import pytest

from deepseek_operator import door
from deepseek_operator.api.conditions import Condition
from deepseek_operator.observed import Gateway
from tests.unit.samples import CPU_SPEC, NOW, deepseek

BOTH = deepseek(
    **{
        **CPU_SPEC,
        "gateway": {
            "apiKeys": {
                "secretName": "chat-keys",
                "limits": [{"client": "zoe", "requestsPerMinute": 1}],
            },
            "tls": {"secretName": "chat-tls"},
        },
    }
)
GOOD = {
    "apiKeys": {"held": True, "clients": 2, "unknown": [], "trouble": []},
    "tls": {"held": True, "trouble": [], "expires": "2099-01-01T00:00:00+00:00"},
}


def gateway(keys: dict[str, Any] | None = None, tls: dict[str, Any] | None = None) -> Gateway:
    told = {"apiKeys": {**GOOD["apiKeys"], **(keys or {})}, "tls": {**GOOD["tls"], **(tls or {})}}
    return Gateway("g", is_ready=True, report={"secrets": told})


def said(*gateways: Gateway) -> Condition:
    [found] = door.condition(BOTH, gateways, now=NOW)
    return found


def test_what_is_followed_is_named() -> None:
    found = said(gateway(), gateway())

    assert (found.status, found.reason) == ("True", "SecretsFollowed")
    assert found.message == (
        "gateways follow all of Secret chat-keys (gateway.apiKeys) and Secret chat-tls (gateway.tls)"
    )


def test_gateways_that_tell_nothing_are_unknown() -> None:
    silent = Gateway("g", is_ready=True, report=None)
    old = Gateway("g", is_ready=True, report={"taken": "v1"})

    assert said().status == said(silent, old).status == "Unknown"


@pytest.mark.parametrize(
    ("keys", "tls", "reason", "message"),
    [
        pytest.param(
            {"trouble": ["entry bob: it is empty", "entry eve: too"]},
            {},
            "SecretNotFollowed",
            "gateway.apiKeys.secretName: Secret chat-keys: entry bob: it is empty; entry eve: too; "
            "what was good before still counts",
            id="some of it",
        ),
        pytest.param(
            {},
            {"held": False, "trouble": ["it is not there or has no tls.crt: make one"]},
            "SecretNotFollowed",
            "gateway.tls.secretName: Secret chat-tls: it is not there or has no tls.crt: make one; "
            "until then its new replicas let nobody in",
            id="nothing of it",
        ),
        pytest.param(
            {"unknown": ["zoe"]},
            {},
            "UnknownClient",
            "gateway.apiKeys.limits: Secret chat-keys has no entry zoe: correct the client, or "
            "remove its limit",
            id="a limit of nobody",
        ),
        pytest.param(
            {},
            {"expires": (NOW + door.EXPIRY_WARNING).isoformat()},
            "CertificateExpiring",
            "gateway.tls: the certificate of Secret chat-tls ends at ",
            id="ends soon",
        ),
        pytest.param(
            {},
            {"expires": NOW.isoformat()},
            "CertificateExpired",
            "gateway.tls: the certificate of Secret chat-tls ended at ",
            id="has ended",
        ),
    ],
)
def test_one_gateway_is_enough_to_say_what_is_wrong(
    keys: dict[str, Any], tls: dict[str, Any], reason: str, message: str
) -> None:
    found = said(gateway(), gateway(keys, tls))

    assert (found.status, found.reason) == ("False", reason)
    assert found.message.startswith(message)


def test_a_long_story_still_says_what_follows() -> None:
    found = said(gateway({"trouble": ["x" * 400] * 9}))

    assert len(found.message) <= 700
    assert found.message.endswith("what was good before still counts")
