"""That the watch of the long end-to-end tests sees what may never be."""

from dataclasses import replace

from tests.e2e.watched import Look, wrongs

OLD, NEW = "61000f52d2", "601cc73442"
BEFORE = Look(weights={OLD: 100}, ready=frozenset({OLD}), pods=frozenset({OLD, NEW}), serving=OLD)


def test_a_warm_candidate_may_get_users() -> None:
    now = replace(BEFORE, weights={OLD: 80, NEW: 20}, ready=frozenset({OLD, NEW}))

    assert wrongs(BEFORE, now) == []
    # It was ready when it got them, and has ended since.
    assert (
        wrongs(replace(BEFORE, ready=frozenset({OLD, NEW})), replace(now, ready=frozenset())) == []
    )


def test_a_cold_one_may_not() -> None:
    now = replace(BEFORE, weights={OLD: 80, NEW: 20})

    assert wrongs(BEFORE, now) == [f"{NEW} got users while none of its pods was ready"]


def test_all_users_are_sent_somewhere_and_to_two_revisions_at_most() -> None:
    few = replace(BEFORE, weights={OLD: 80})
    many = replace(BEFORE, weights={OLD: 80, NEW: 10, "third": 10})

    assert wrongs(few, few) == [f"weights of {few.weights}"]
    assert wrongs(many, many) == ["users are split between 3 revisions"]


def test_who_serves_has_a_pod() -> None:
    now = replace(BEFORE, pods=frozenset({NEW}), serving=NEW)
    gone = replace(now, pods=frozenset())

    assert wrongs(BEFORE, now) == []
    assert wrongs(BEFORE, gone) == []
    assert wrongs(gone, gone) == [f"{NEW} serves and has no pod"]
