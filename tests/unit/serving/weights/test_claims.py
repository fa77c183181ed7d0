"""Who may write to a volume, with a clock that the test moves."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deepseek_serving.weights import claims
from deepseek_serving.weights.claims import Claim, Other, Queue
from deepseek_serving.weights.errors import OwnershipLost


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def enter(tmp_path: Path, clock: Clock) -> Callable[[], Queue]:
    """Another process that wants the volume."""
    return lambda: Queue(tmp_path / "claims", clock=clock)


def taken(queue: Queue) -> Claim:
    claim = queue.attempt()
    assert isinstance(claim, Claim)
    return claim


def refused(queue: Queue) -> Other:
    other = queue.attempt()
    assert isinstance(other, Other)
    return other


def newest(directory: Path) -> Path:
    return max((directory / "claims").iterdir())


def move_to_another_machine(path: Path) -> None:
    """As if its owner ran on another kernel, whose locks are not seen here."""
    document = {**json.loads(path.read_text()), "kernel": "another"}
    path.write_text(json.dumps(document).ljust(claims.RECORD_BYTES - 1) + "\n")


def test_the_first_one_owns_the_volume(enter: Callable[[], Queue]) -> None:
    claim = taken(enter())

    claim.check()
    other = refused(enter())
    assert other.owner
    claim.release()


def test_whoever_waits_learns_how_far_the_owner_is(enter: Callable[[], Queue]) -> None:
    claim = taken(enter())
    claim.beat({"bytesDone": 5})

    assert refused(enter()).progress == {"bytesDone": 5}
    claim.beat({"currentFile": "x" * 5000})
    assert refused(enter()).progress == {}
    claim.release()


def test_a_released_volume_is_free_at_once(enter: Callable[[], Queue]) -> None:
    taken(enter()).release()

    taken(enter()).release()


def test_an_owner_that_ended_without_a_word_is_seen_by_the_kernels_lock(
    enter: Callable[[], Queue],
) -> None:
    claim = taken(enter())
    waiting = enter()
    refused(waiting)

    claim.forget()

    taken(waiting).release()


def test_a_silent_owner_elsewhere_is_waited_for_and_then_succeeded(
    enter: Callable[[], Queue], clock: Clock, tmp_path: Path
) -> None:
    dead = taken(enter())
    move_to_another_machine(newest(tmp_path))
    waiting = enter()
    refused(waiting)

    clock.now += claims.TAKEOVER_SECONDS
    refused(waiting)
    clock.now += 0.1
    claim = taken(waiting)

    with pytest.raises(OwnershipLost):
        dead.check()
    claim.check()
    claim.release()
    dead.release()


def test_a_beating_owner_elsewhere_is_never_succeeded(
    enter: Callable[[], Queue], clock: Clock, tmp_path: Path
) -> None:
    owner, waiting = taken(enter()), enter()
    for _ in range(10):
        owner.beat({})
        move_to_another_machine(newest(tmp_path))
        refused(waiting)
        clock.now += claims.TAKEOVER_SECONDS - 1

    owner.release()


def test_an_owner_that_was_suspended_asks_before_it_writes(
    enter: Callable[[], Queue], clock: Clock
) -> None:
    claim = taken(enter())
    clock.now += claims.LEASE_SECONDS + 1

    claim.check()
    claim.release()


def test_a_suspended_owner_stops_before_anyone_may_take_over() -> None:
    assert claims.BEAT_SECONDS * 3 < claims.LEASE_SECONDS
    assert claims.LEASE_SECONDS + claims.BEAT_SECONDS < claims.TAKEOVER_SECONDS


def test_an_owner_that_was_succeeded_while_suspended_does_not_write(
    enter: Callable[[], Queue], clock: Clock, tmp_path: Path
) -> None:
    sleeper = taken(enter())
    move_to_another_machine(newest(tmp_path))
    waiting = enter()
    refused(waiting)
    clock.now += claims.TAKEOVER_SECONDS + 1
    successor = taken(waiting)

    with pytest.raises(OwnershipLost):
        sleeper.check()
    successor.release()
    sleeper.release()


def test_of_many_that_wait_one_wins(tmp_path: Path) -> None:
    for _ in range(20):
        winners: list[Claim] = []
        begin = threading.Barrier(8)

        def wait(won: list[Claim] = winners, begin: threading.Barrier = begin) -> None:
            queue = Queue(tmp_path / "claims")
            begin.wait()
            claim = queue.attempt()
            if isinstance(claim, Claim):
                won.append(claim)

        threads = [threading.Thread(target=wait) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(winners) == 1
        winners[0].release()


def test_a_claim_that_is_only_half_written_is_an_owners(
    enter: Callable[[], Queue], tmp_path: Path
) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "00000001").write_bytes(b"")

    assert refused(enter()) == Other("", {})


def test_a_latecomer_with_an_old_number_gives_way(
    enter: Callable[[], Queue], tmp_path: Path
) -> None:
    owner = taken(enter())
    newest(tmp_path).rename(tmp_path / "claims" / "00000007")

    assert enter()._create(3) is None
    owner.release()


def test_what_nfs_leaves_behind_is_no_claim(enter: Callable[[], Queue], tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / ".nfs0001").touch()

    taken(enter()).release()


def test_a_released_claim_beats_no_more(enter: Callable[[], Queue]) -> None:
    claim = taken(enter())
    claim.release()
    claim.beat({})
    claim.release()

    taken(enter()).release()


def test_it_beats_in_the_background(
    enter: Callable[[], Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.001)
    asked = threading.Event()

    def progress() -> dict[str, int]:
        asked.set()
        return {"bytesDone": 1}

    claim = taken(enter())
    with claims.beating(claim, progress):
        assert asked.wait(10)
    claim.release()
