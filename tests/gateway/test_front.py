"""Engines that take no middleware, behind a front, behind the real Envoy: a stream begins with its first token there too."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from deepseek_operator.engines.trtllm import OPEN_PATHS
from deepseek_serving.front import proxy
from deepseek_serving.gateway.endpoints import Endpoint
from tests.faketrtllm.engine import FakeTrtllm
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway

CHAIN = {"v3": ["r1"]}
LIMITS = {"firstTokenSeconds": 0.3, "betweenTokensSeconds": 5, "responseSeconds": 20}


@asynccontextmanager
async def fronted(engine: FakeTrtllm) -> AsyncIterator[Endpoint]:
    """A pod of TensorRT-LLM, as an EndpointSlice would name it."""
    async with engine:
        url = URL(f"http://127.0.0.1:{engine.port}")
        async with proxy.serve(host="127.0.0.1", port=0, engine=url, paths=OPEN_PATHS) as port:
            yield Endpoint("127.0.0.1", port, "trtllm")


async def test_a_stream_that_stalls_before_its_first_token_is_answered_by_another_revision(
    gateway: Gateway,
) -> None:
    silent = FakeTrtllm()
    silent.behave(silent=True)
    async with fronted(silent) as pod, FakeEngine("r1") as other:
        gateway.pods(v3=[pod], r1=[other])
        await gateway.tell({"v3": 100}, then=CHAIN, replicas={"v3": 1, "r1": 1}, limits=LIMITS)

        answers = [await gateway.ask(stream=True) for _ in range(3)]

    assert Counter((answer.status, answer.revision) for answer in answers) == {(200, "r1"): 3}
    assert "Timeout" in {answer.fallback for answer in answers}
    assert silent.aborted == len([path for path in silent.seen if path.endswith("completions")]) > 0


async def test_an_engine_that_is_gone_behind_its_front_is_unavailable(gateway: Gateway) -> None:
    engine = FakeTrtllm()
    async with fronted(engine) as pod, FakeEngine("r1") as other:
        gateway.pods(v3=[pod], r1=[other])
        await gateway.tell({"v3": 100}, then=CHAIN, replicas={"v3": 1, "r1": 1}, limits=LIMITS)
        assert (await gateway.ask(stream=True)).revision == "v3"
        await engine.kill()

        answer = await gateway.ask(stream=True)

    assert (answer.status, answer.revision, answer.fallback) == (200, "r1", "Unavailable")
