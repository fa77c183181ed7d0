"""What the operator answers to who asks whether it is ready."""

import aiohttp
import pytest

from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.probes import serve_probes


@pytest.mark.parametrize(
    ("ready", "remarks", "answer"),
    [
        pytest.param(True, [], (200, "ok\n"), id="ready"),
        pytest.param(
            True,
            ["catalog: a.yaml: H200: unknown", "catalog: b.yaml: not text"],
            (200, "ok\ncatalog: a.yaml: H200: unknown\ncatalog: b.yaml: not text\n"),
            id="ready-with-remarks",
        ),
        pytest.param(False, ["x"], (503, "the watches are not open yet\n"), id="not-ready"),
    ],
)
async def test_readiness_is_told_and_what_a_person_should_know_below_it(
    remarks: list[str], answer: tuple[int, str], *, ready: bool
) -> None:
    runner, _ = await serve_probes(
        0, metrics=OperatorMetrics(), ready=lambda: ready, remarks=lambda: remarks
    )
    # Of any free port each family has its own.
    [port] = [address[1] for address in runner.addresses if address[0] == "0.0.0.0"]  # noqa: S104
    try:
        async with aiohttp.ClientSession() as session:
            found = await session.get(f"http://127.0.0.1:{port}/readyz")
            said = (found.status, await found.text())
    finally:
        await runner.cleanup()

    assert said == answer
