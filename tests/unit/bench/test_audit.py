"""Calls from the audit log's lines, and passes from calls."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.reconcile import audit
from bench.reconcile.audit import AuditLog, Call
from tests.unit.bench.lines_of_audit import REVISION, line, pass_lines


def call(text: str) -> Call:
    found = audit.parse_call(text)
    assert found is not None
    return found


def calls(*lines: str) -> list[Call]:
    return [call(text) for text in lines]


def test_a_call_says_who_did_what_when() -> None:
    text = line("patch", "deepseekdeployments", "chat", sub="status", at=250, user="somebody")

    found = call(text)

    assert (found.user, found.verb, found.resource) == ("somebody", "patch", "deepseekdeployments")
    assert (found.subresource, found.namespace, found.name) == ("status", "n", "chat")
    assert found.code == 200
    moment = datetime(2026, 3, 1, 12, 0, 0, 250000, tzinfo=UTC)
    assert found.seconds == pytest.approx(moment.timestamp())


@pytest.mark.parametrize(
    ("verb", "stage", "counts"),
    [
        pytest.param("get", "ResponseComplete", True, id="an answered call"),
        pytest.param("get", "ResponseStarted", False, id="an answer that has begun"),
        pytest.param("watch", "ResponseStarted", True, id="a watch that opens"),
        pytest.param("watch", "ResponseComplete", False, id="a watch that ends"),
        pytest.param("create", "Panic", False, id="a crash of the server"),
    ],
)
def test_every_call_is_counted_once(verb: str, stage: str, *, counts: bool) -> None:
    assert counts == (audit.parse_call(line(verb, "services", stage=stage)) is not None)


def test_a_call_that_names_no_object_is_of_none() -> None:
    found = call(line("get", "", objectRef=None).replace('"objectRef":null,', ""))

    assert found.resource == ""
    assert audit.counted([found]) == []


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        pytest.param(line("get", "deepseekdeployments", "chat-1"), "chat-1", id="the object"),
        pytest.param(line("create", "services", "chat-1"), "chat-1", id="its client service"),
        pytest.param(
            line("create", "deployments", f"chat-1-{REVISION}"), "chat-1", id="of a revision"
        ),
        pytest.param(line("create", "events", f"chat-1.{REVISION}"), "chat-1", id="its event"),
        pytest.param(
            line("list", "pods", selector="serving.deepseek.dev/deployment=chat-1,x=y"),
            "chat-1",
            id="a list of its children",
        ),
        pytest.param(line("list", "deepseekdeployments"), "", id="a list of every object"),
    ],
)
def test_a_call_belongs_to_an_object(text: str, owner: str) -> None:
    assert owner == call(text).owner


def test_watches_and_leases_are_not_what_objects_cost() -> None:
    found = calls(
        line("watch", "services", stage="ResponseStarted"),
        line("update", "leases", "deepseek-operator"),
        line("get", "services", "chat"),
    )

    assert [one.name for one in audit.counted(found)] == ["chat"]


def test_passes_of_objects_that_overlap_are_told_apart() -> None:
    lines = [
        *pass_lines("a", at=0, writes=True),
        *pass_lines("b", at=1, writes=True),
        *pass_lines("a", at=100, writes=False),
        line("list", "deepseekdeployments", at=50),
        line("update", "leases", "a", at=60),
    ]

    found = audit.passes(calls(*reversed(lines)))

    assert {name: [len(one) for one in listed] for name, listed in found.items()} == {
        "a": [5, 2],
        "b": [5],
    }


def test_what_comes_before_the_first_pass_belongs_to_none() -> None:
    early = line("create", "deployments", f"a-{REVISION}", at=0)

    found = audit.passes(calls(early, *pass_lines("a", at=10, writes=False)))

    assert [len(one) for one in found["a"]] == [2]


@pytest.mark.parametrize(
    ("writing", "converging"),
    [
        pytest.param([True, False, True, False, False], 3, id="up to the last that wrote"),
        pytest.param([False, False], 0, id="none wrote"),
        pytest.param([True], 1, id="one was enough"),
    ],
)
def test_an_object_has_converged_with_the_last_pass_that_wrote(
    writing: list[bool], converging: int
) -> None:
    lines = [
        text
        for number, writes in enumerate(writing)
        for text in pass_lines("a", at=10 * number, writes=writes)
    ]

    assert converging == len(audit.converging(audit.passes(calls(*lines))["a"]))


def test_the_log_gives_what_is_new_of_chosen_users(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text(line("get", "services", "old"))
    with AuditLog(path, "ours", "plain") as log:
        with path.open("a") as file:
            file.write(line("get", "services", "a"))
            file.write(line("get", "services", "b", user="somebody"))
            file.write(line("get", "services", "c", user="plain"))

        assert [one.name for one in log.read()] == ["a", "c"]
        assert log.read() == []


def test_a_line_that_is_not_yet_whole_is_read_later(tmp_path: Path) -> None:
    path, text = tmp_path / "audit.log", line("get", "services", "a")
    path.touch()
    with AuditLog(path, "ours") as log, path.open("a") as file:
        file.write(text[:40])
        file.flush()
        assert log.read() == []

        file.write(text[40:])
        file.flush()
        assert [one.name for one in log.read()] == ["a"]


def test_the_log_is_followed_across_its_rotation(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.touch()
    with AuditLog(path, "ours") as log:
        path.write_text(line("get", "services", "a"))
        path.rename(tmp_path / "audit-1.log")
        path.write_text(line("get", "services", "b"))

        assert [one.name for one in log.read()] == ["a", "b"]
