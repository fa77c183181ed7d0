"""Figures from processes, watches and source code."""

import itertools
from typing import Any

import pytest

from bench.reconcile import lines, lost, mishaps, processes, tracking
from bench.reconcile.duel import BURSTS, EDITS, Burst
from dev.paths import REPOSITORY


def test_the_time_and_memory_of_a_process_are_read_from_proc() -> None:
    stat = "123 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 20 0 6 0 99 1000 2000"
    status = "Name:\tpython\nVmHWM:\t  9999 kB\nVmRSS:\t  2048 kB\n"

    found = processes.parse_usage(stat, status, ticks_per_second=100)

    assert (found.cpu_seconds, found.rss_mib) == (3.0, 2.0)


def event(kind: str, name: str, *, good: bool) -> dict[str, Any]:
    return {"type": kind, "object": {"metadata": {"name": name}, "good": good}}


def tracker() -> tracking.Tracker:
    return tracking.Tracker(lambda item: bool(item["good"]), named=tracking.own_name)


async def test_the_last_object_to_be_as_it_should_sets_the_time() -> None:
    found = tracker()
    for now, name in enumerate(("a", "b", "a")):
        found.note(event("MODIFIED", name, good=True), now)

    assert await found.all_hold(["a", "b"], seconds=1) == 1


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        pytest.param("MODIFIED", False, id="it went wrong again"),
        pytest.param("DELETED", True, id="it was deleted"),
    ],
)
async def test_an_object_that_went_wrong_is_waited_for(kind: str, *, good: bool) -> None:
    found = tracker()
    found.note(event("ADDED", "a", good=True), 1)
    found.note(event(kind, "a", good=good), 2)

    assert found.missing(["a"]) == ["a"]
    with pytest.raises(tracking.Late, match="not as they should be: a"):
        await found.all_hold(["a"], seconds=0)


def test_children_are_tracked_by_the_object_they_belong_to() -> None:
    labels = {"serving.deepseek.dev/deployment": "chat"}

    assert tracking.owner_name({"metadata": {"name": "chat-1", "labels": labels}}) == "chat"


def test_only_lines_with_code_on_them_count() -> None:
    source = (
        '"""Two lines\nof documentation."""\n\n# a comment\nTEXT = """two\nlines"""\n\n\n'
        'def work() -> None:\n    """More."""\n    call(  # why\n        1,\n    )\n'
    )

    assert lines.code_lines(source) == 6


def test_both_operators_have_lines() -> None:
    assert lines.our_lines() > lines.plain_lines() > 0


def test_every_module_that_waits_for_something_is_counted() -> None:
    """But for those of the plugin, which is no part of the operator."""
    folder = REPOSITORY / "operator" / "deepseek_operator"
    waiting = {
        file.relative_to(folder).with_suffix("").as_posix()
        for file in folder.rglob("*.py")
        if "async def" in file.read_text()
    }

    left_out = waiting - set(lines.OURS)
    assert {name.partition("/")[0] for name in left_out} == {"cli"}
    assert {f"kube/{file.stem}" for file in (folder / "kube").glob("[!_]*.py")} <= set(lines.OURS)


@pytest.mark.parametrize("burst", BURSTS, ids=str)
def test_a_burst_ends_elsewhere_than_it_began_and_every_edit_changes_something(
    burst: Burst,
) -> None:
    edits = [burst.spec(number) for number in range(EDITS)]

    assert edits[-1] != {"replicas": 2}
    assert all(one != following for one, following in itertools.pairwise(edits))


def test_every_mishap_has_objects_of_its_own() -> None:
    cases = lost.cases(3)

    names = [name for case in cases for name in case.names]
    assert len(names) == len(set(names))
    assert {case.phase.when for case in cases} == {phase.when for phase in lost.PHASES}
    assert all(len(case.names) == 3 for case in cases if case.happens is not mishaps.create)
