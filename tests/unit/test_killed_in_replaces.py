"""The operator killed at any call of a Replace: it ends the same, and on the way never have both revisions pods."""

from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator.observed import revision_of
from deepseek_operator.reconcile import Key, reconcile
from tests.unit.fake_api import Call, FakeApi
from tests.unit.fake_controllers import play
from tests.unit.samples import IMAGES, NOW, Manifest
from tests.unit.test_fallbacks import key
from tests.unit.test_reconcile import OBJECT, put_object

ROLLOUT: Manifest = {"strategy": "Replace", "rollbackWindow": "10m", "startTimeout": "5m"}
OLD: Manifest = {
    "model": "tiny",
    "source": "pvc://models/tiny",
    "accelerator": {"kind": "CPU"},
    "warmup": {"enabled": False},
    "replicas": 3,
    "rollout": ROLLOUT,
}
NEW: Manifest = {**OLD, "source": "pvc://models/better", "replicas": 2}


class Killed(BaseException):
    """What no code of the operator survives."""


class Life:
    """An object's Replace, from the user's apply until nothing is left to do."""

    def __init__(self, *, killed_at: int = -1, breaks: bool = False) -> None:
        self.api, self.now = FakeApi(), NOW
        self.killed_at, self.kills, self.breaks = killed_at, 0, breaks

    def kill(self, call: Call) -> str | None:
        if call.number == self.killed_at:
            self.kills += 1
            raise Killed
        return None

    @property
    def engines(self) -> dict[str, int]:
        """Pods that there are to be, by revision."""
        return {
            str(revision_of(item)): item["spec"]["replicas"]
            for item in self.api.objects.values()
            if item["kind"] == "Deployment"
        }

    @property
    def status(self) -> Manifest:
        found: Manifest = self.api.objects[OBJECT].get("status", {})
        return found

    async def one_pass(self) -> bool:
        """Whether it came to its end and wrote something."""
        before = len(self.api.writes())
        self.now += timedelta(seconds=5)
        try:
            await reconcile(self.api.kube(), Key("team", "chat"), images=IMAGES, now=self.now)
        except Killed:
            return True
        finally:
            wanted = [count for count in self.engines.values() if count]
            assert len(wanted) <= 1, self.engines
        return len(self.api.writes()) > before

    def controllers_work(self) -> None:
        play(self.api)
        for path, item in list(self.api.objects.items()):
            if item["kind"] != "Deployment":
                continue
            if self.breaks and revision_of(item) == key(NEW):
                status = {**item["status"], "readyReplicas": 0}
                self.api.put(path, {**item, "status": status})

    async def until(self, *phases: str, passes: int = 150) -> None:
        for _ in range(passes):
            await self.one_pass()
            self.controllers_work()
            if self.status.get("rollout", {}).get("phase") in phases:
                return
        raise AssertionError(f"not {phases}: {self.status.get('rollout')}")

    async def live(self) -> "Life":
        put_object(self.api, **OLD)
        for _ in range(4):
            await self.one_pass()
            self.controllers_work()
        put_object(self.api, generation=2, **NEW)
        self.api.calls.clear()
        self.api.fault = self.kill
        await self.until("RolledBack" if self.breaks else "Watching")
        # One more than it takes to come to rest: the operator may die in these as well.
        for _ in range(4):
            await self.one_pass()
        return self

    def outcome(self) -> Any:
        """What there is in the end, without what says when."""
        run = self.status["rollout"]
        return (
            self.engines,
            self.status["serving"]["revision"],
            [(item["type"], item["status"], item["reason"]) for item in self.status["conditions"]],
            {name: run[name] for name in ("run", "phase", "reason", "candidate", "stable")},
        )


@pytest.mark.parametrize("breaks", [False, True], ids=["good", "bad"])
async def test_killed_before_any_call_it_ends_the_same(*, breaks: bool) -> None:
    clean = await Life(breaks=breaks).live()
    expected = {key(OLD): 0, key(NEW): 2} if not breaks else {key(OLD): 3}
    assert clean.engines == expected
    writes = [call.number for call in clean.api.calls if call.writes]
    assert len(writes) > 8

    for number in writes:
        life = await Life(killed_at=number, breaks=breaks).live()
        assert life.kills == 1, number
        assert life.outcome() == clean.outcome(), number
