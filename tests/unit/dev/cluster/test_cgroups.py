"""The control groups of pods go when nothing runs in them, and what keeps one is told."""

from pathlib import Path

import pytest

from dev.cluster import cgroups
from dev.cluster.layout import Layout


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The groups of two pods in each of two trees, as in version 1."""
    monkeypatch.setattr(cgroups, "MOUNT", tmp_path)
    for controller in ("cpu", "memory"):
        (tmp_path / controller / "dso-dev" / "pods" / "one").mkdir(parents=True)
        (tmp_path / controller / "dso-dev" / "pods" / "two").mkdir()
        (tmp_path / controller / "cgroup.procs").touch()
    return tmp_path


def place(tree: Path) -> Layout:
    return Layout("dev", tree / "dev")


def test_every_group_of_every_tree_goes(tree: Path) -> None:
    assert cgroups.remove(place(tree), seconds=0) == []

    assert list(tree.glob("*/dso-dev")) == []


def test_a_group_that_is_kept_keeps_those_above_it_and_no_other(tree: Path) -> None:
    """Each is tried as often as the others: one that is kept is waited for once, not once a tree and level."""
    group = tree / "cpu" / "dso-dev" / "pods" / "one"
    (group / "cgroup.procs").write_text("1\n")

    kept = cgroups.remove(place(tree), seconds=0)

    assert kept == [group, group.parent, group.parent.parent]
    assert "has a process that does not end: 1 (" in cgroups.described(kept[0])


def test_a_group_without_a_process_that_could_be_named_is_told_too(tree: Path) -> None:
    group = tree / "cpu" / "dso-dev"

    assert cgroups.described(group) == f"the control group {group} cannot be removed"
