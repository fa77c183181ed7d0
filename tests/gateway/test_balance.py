"""Which of a revision's pods is asked, and which is left out for its failures; the choice is the real Envoy's."""

import asyncio

from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import WAIT_SECONDS, Answer, Gateway, until

IN_A_ROW = 5
"""So many answers of 500 make a pod one to leave out."""


async def test_a_slow_pod_gets_clearly_less_than_half(gateway: Gateway) -> None:
    """Of two that are drawn the one with fewer requests is asked; a quarter of the time both draws are the slow one.

    That is about 40 of these 160, and 80 where pods take turns. The slow one ends none of them while more are asked, so
    it does not matter how fast this machine is.
    """
    async with FakeEngine("slow") as slow, FakeEngine("fast") as fast:
        slow.behave(silent=True)
        gateway.pods(only=[slow, fast])
        await gateway.tell({"only": 100}, replicas={"only": 2})

        asked = [await _asked(gateway, slow) for _ in range(160)]
        seen = len(slow.seen), len(fast.seen)
        for request in asked:
            request.cancel()
        await asyncio.wait(asked)

    assert sum(seen) == 160
    assert seen[0] < 64


async def test_of_two_pods_that_fail_one_is_left_out_at_most(gateway: Gateway) -> None:
    """Whoever is asked would not notice: where all are left out, all are asked again."""
    async with FakeEngine("one") as one, FakeEngine("other") as other:
        one.behave(status=500)
        other.behave(status=500)
        gateway.pods(only=[one, other])
        await gateway.tell({"only": 100}, replicas={"only": 2})

        await until(lambda: _is_refused_another(gateway, most=1))

    assert len(one.seen) >= IN_A_ROW
    assert len(other.seen) >= IN_A_ROW


async def test_the_only_pod_is_never_left_out(gateway: Gateway) -> None:
    async with FakeEngine("v3") as v3:
        v3.behave(status=500)
        gateway.pods(only=[v3])
        await gateway.tell({"only": 100})
        await until(lambda: _is_refused_another(gateway, most=0))
        v3.behave(status=200)

        answers = await gateway.ask_many(30)

    assert {answer.status for answer in answers} == {200}


async def _asked(gateway: Gateway, slow: FakeEngine) -> asyncio.Task[Answer]:
    """One request, which is answered by now, or is one more that the slow pod has in hand."""
    before = slow.running
    asked = asyncio.create_task(gateway.ask())
    async with asyncio.timeout(WAIT_SECONDS):
        while not asked.done() and slow.running == before:
            await asyncio.wait([asked], timeout=0.01)
    return asked


async def _is_refused_another(gateway: Gateway, *, most: int) -> bool:
    """Whether Envoy has found one more pod that fails than may be left out; more than `most` never are."""
    await gateway.ask_many(2 * IN_A_ROW)
    outliers = "cluster.only.outlier_detection.ejections_"
    # Of one page: Envoy counts both at once.
    found = {item["name"]: item["value"] for item in await gateway.admin.statistics(outliers)}
    assert found[f"{outliers}active"] <= most
    return bool(found[f"{outliers}overflow"] >= 1)
