"""A gateway that is shared by many bad requests, and what has to hold of it after each."""

from collections.abc import Sequence
from dataclasses import dataclass

from deepseek_serving.gateway import limits
from tests.gateway.fake_wire import FakeWire, Request
from tests.gateway.rig import Gateway

_USER = "x-user"
"""A header of the user beside."""
OF_ENVOY = {
    "x-envoy-attempt-count": "1",
    "x-envoy-external-address": "127.0.0.1",
}
OURS = {
    "x-dsd-most-requests": "1024",
    "x-dsd-first-token-seconds": "60",
    "x-dsd-between-tokens-seconds": "60",
}


@dataclass(frozen=True, slots=True)
class Abused:
    """One gateway for all of a table, and the engine behind it."""

    gateway: Gateway
    wire: FakeWire

    async def users_are_answered(self) -> None:
        """One that asks now."""
        async with self.gateway.session.get(
            f"{self.gateway.url}/v1/models", headers={_USER: "1"}
        ) as response:
            assert response.status == 200

    @property
    def seen(self) -> list[Request]:
        """Requests that reached the engine, the user's left out."""
        return [request for request in self.wire.requests if not request.values(_USER)]


def check_requests(seen: Sequence[Request]) -> None:
    """None of them holds what its client is not to say."""
    for request in seen:
        assert request.line.split()[1].partition("?")[0] in ("/v1/models", "/v1/completions")
        assert not {name for name, _ in request.headers} & set(limits.REMOVED)
        assert {n: v for n, v in request.headers if n.startswith("x-envoy-")} == OF_ENVOY
        for name, value in OURS.items():
            assert request.values(name) == [value]
