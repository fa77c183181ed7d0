"""Any spec at all: the real API server refuses it in words, or it is planned. Nothing else happens."""

import asyncio
import contextlib
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.cli import __main__ as cli
from tests.cluster.bad_engine import BAD_ENGINE, GOOD_ENGINE
from tests.cluster.bad_sizing import BAD_SIZING
from tests.cluster.bad_traffic import BAD_TRAFFIC
from tests.cluster.fuzzing import Fuzzer, Spec, examples
from tests.cluster.objects import Cluster, Manifest, Refused, deepseek
from tests.cluster.test_bad_objects import BAD
from tests.unit import structural
from tests.unit.world import World

pytestmark = pytest.mark.campaign(has_short_form=True)

SEED = 20261130
COUNT, MORE = 200, 10_000
AT_ONCE = 16
PASSES = 3
PLANNED_EVERY = 50
"""Of those that are admitted, one in so many is also planned by the command line, which sizes it for several pools."""
POOLS = ("16xH200:8", "2xL4:1", "8xA100-80GB:8")


def specs_of(*tables: list[Any]) -> list[Spec]:
    """The specs in the rows of tables of good or of bad objects."""
    return [row.values[0] for table in tables for row in table if isinstance(row.values[0], dict)]


@pytest.fixture(scope="module")
def fuzzer() -> Fuzzer:
    good = [*examples(), *specs_of(GOOD_ENGINE)]
    bad = specs_of(BAD, BAD_ENGINE, BAD_SIZING, BAD_TRAFFIC)
    return Fuzzer(good, bad, structural.schema_of("spec"))


async def test_whatever_is_asked_for_is_refused_in_words_or_planned(
    cluster: Cluster, fuzzer: Fuzzer, *, in_full: bool
) -> None:
    chance = random.Random(SEED)
    numbered: Iterator[tuple[int, Spec]] = (
        (number, fuzzer.spec(chance)) for number in range(MORE if in_full else COUNT)
    )
    ends: Counter[str] = Counter()

    async def work() -> None:
        for number, spec in numbered:
            try:
                ends[await _asked(cluster, number, spec)] += 1
            except Exception as error:
                raise AssertionError(f"spec {number} of seed {SEED}: {json.dumps(spec)}") from error

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())

    # Both happen, or nothing was tried.
    assert ends["refused"] > ends.total() / 10, ends
    assert ends["planned"] > ends.total() / 10, ends
    print(f"\n{dict(ends)}")


async def _asked(cluster: Cluster, number: int, spec: Spec) -> str:
    """What becomes of it: refused, stalled or planned."""
    manifest = {**deepseek("chat", cluster.namespace), "spec": spec}
    query = "?dryRun=All&fieldValidation=Strict"
    try:
        stored = await cluster.send("POST", cluster.path() + query, manifest)
    except Refused as refused:
        _check_words(refused)
        return "refused"
    if number % PLANNED_EVERY == 0:
        _plan_by_hand(stored)
    return _plan(stored)


def _check_words(refused: Refused) -> None:
    """A mistake of the user's, with the field."""
    assert refused.code in (400, 422), (refused.code, str(refused))
    assert "spec" in str(refused), str(refused)


def _plan(stored: Manifest) -> str:
    """A few passes of the operator's pure middle, with pods that come up."""
    deployment = DeepSeekDeployment.model_validate({**stored, "status": {}})
    world = World()
    for _ in range(PASSES):
        plan = world.plan(deployment)
        world.carry_out(plan)
        world.end_jobs()
        world.start_pods()
    found = {item["type"]: item for item in world.stored["conditions"]}
    stalled = found["Stalled"]
    if stalled["status"] != "True":
        return "planned"
    assert stalled["message"], stalled
    return "stalled"


def _plan_by_hand(stored: Manifest) -> None:
    """The same by the command line: a plan, or one sentence; never a traceback."""
    text = json.dumps({key: stored[key] for key in ("apiVersion", "kind", "spec")} | _NAMED)
    words = ["plan", "--filename=-"]
    for pool in POOLS:
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patched,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patched.setattr("sys.stdin", io.StringIO(text))
            patched.setattr("sys.argv", ["kubectl-deepseek", *words, f"--accelerators={pool}"])
            code = cli.main()
        assert code in (0, 1, 3), (code, err.getvalue())
        assert out.getvalue() if code != 1 else err.getvalue() or out.getvalue()
        assert "Traceback" not in err.getvalue()


_NAMED: dict[str, Any] = {"metadata": {"name": "chat"}}
