"""What a Gateway's controller writes into the status of routes; it sends nobody anywhere."""

from dataclasses import dataclass

from tests.unit.samples import Manifest

CONTROLLER = "example.com/fake-gateway-controller"


@dataclass
class FakeGatewayController:
    """Answers for every route at once, and always the same."""

    accepted: tuple[str, str] = ("True", "Accepted")
    resolved: tuple[str, str] = ("True", "ResolvedRefs")
    message: str = "as fakes say"
    is_deaf: bool = False
    """It has gone: what it said of earlier generations stands."""

    def answer(self, route: Manifest) -> Manifest:
        """The status of a route, as it is to be after this one has looked at it."""
        if self.is_deaf:
            return dict(route.get("status", {}))
        [parent] = route["spec"]["parentRefs"]
        entry = {
            "controllerName": CONTROLLER,
            "parentRef": parent,
            "conditions": [
                self._condition(kind, *said, generation=route["metadata"]["generation"])
                for kind, said in (("Accepted", self.accepted), ("ResolvedRefs", self.resolved))
            ],
        }
        return {"parents": [entry]}

    def _condition(self, kind: str, status: str, reason: str, *, generation: int) -> Manifest:
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": self.message,
            "observedGeneration": generation,
            "lastTransitionTime": "2026-03-01T12:00:00Z",
        }
