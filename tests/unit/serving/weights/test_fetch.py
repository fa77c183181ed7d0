"""Fetching from a real server on this machine, with everything that may go wrong on the way."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.weights import claims
from deepseek_serving.weights.errors import FetchError, Reason
from deepseek_serving.weights.fetch import Fetch, Outcome, Request
from tests.hub.hub import Hub
from tests.hub.rules import Rule
from tests.unit.serving.weights.fetching import (
    HF,
    KIB,
    KINDS,
    SHARD,
    STORED,
    WANTED,
    Fetcher,
    assert_whole,
    failed,
    names,
    sources,
)


@dataclass(frozen=True)
class Scene:
    """A source of any kind, and what fetches from it with the registry's password."""

    kind: str
    hub: Hub
    fetcher: Fetcher
    account: Mapping[str, str]

    @property
    def path(self) -> str:
        """In which paths the content is sent."""
        return next(path for kind, _, path in sources(self.hub) if kind == self.kind)

    def fetch(self) -> Outcome | FetchError:
        source = next(source for kind, source, _ in sources(self.hub) if kind == self.kind)
        return self.fetcher(source, environment=self.account)


@pytest.fixture(params=KINDS)
def scene(
    request: pytest.FixtureRequest, hub: Hub, fetch: Fetcher, account: dict[str, str]
) -> Scene:
    return Scene(request.param, hub, fetch, account)


def test_a_model_is_fetched_whole_and_only_once(
    scene: Scene, hub: Hub, target: Path, model: Path
) -> None:
    outcome = scene.fetch()

    assert isinstance(outcome, Outcome), outcome
    assert outcome.files == len(WANTED)
    assert outcome.size == sum((model / name).stat().st_size for name in WANTED)
    assert_whole(target, model)
    hub.log.clear()
    assert scene.fetch() == outcome
    assert hub.log.read() == []


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(Rule("status", status=500, times=2), id="500"),
        pytest.param(Rule("status", status=429, headers={"Retry-After": "0"}), id="429"),
        pytest.param(Rule("short", after=100 * KIB, times=2), id="short"),
        pytest.param(Rule("reset", after=100 * KIB, times=2), id="reset"),
        pytest.param(Rule("reset", after=0, times=2), id="reset-at-once"),
        pytest.param(Rule("flip", at=300 * KIB), id="flipped-byte"),
        pytest.param(Rule("truncate", at=200 * KIB), id="truncated"),
        pytest.param(Rule("redirect", count=3, times=None), id="redirected"),
    ],
)
def test_what_fails_for_a_while_is_overcome(
    scene: Scene, rule: Rule, target: Path, model: Path
) -> None:
    scene.hub.add(Rule(**{**vars(rule), "path": scene.path}))

    outcome = scene.fetch()

    assert isinstance(outcome, Outcome), outcome
    assert_whole(target, model)


def test_a_cut_transfer_is_continued_by_range(fetch: Fetcher, hub: Hub, model: Path) -> None:
    hub.add(Rule("short", path=STORED, after=100 * KIB, times=5))

    assert isinstance(fetch(), Outcome)

    size = sum((model / name).stat().st_size for name in WANTED)
    assert hub.log.sent() == size
    assert any(served.range == f"bytes={100 * KIB}-" for served in hub.log.read())


def test_more_cuts_than_attempts_are_borne_while_bytes_come(fetch: Fetcher, hub: Hub) -> None:
    hub.add(Rule("short", path=STORED, after=40 * KIB, times=None))

    assert isinstance(fetch(), Outcome)


def test_a_server_that_ignores_ranges_is_noticed(
    fetch: Fetcher, hub: Hub, target: Path, model: Path, said: list[str]
) -> None:
    hub.add(Rule("short", path=STORED, after=500 * KIB, times=2))
    hub.add(Rule("ignore-ranges", path=STORED, times=None))

    assert isinstance(fetch(), Outcome)
    assert_whole(target, model)
    assert any("ignores ranges" in line for line in said)


def test_a_server_that_ignores_ranges_and_never_finishes_is_given_up(
    fetch: Fetcher, hub: Hub
) -> None:
    hub.add(Rule("short", path=STORED, after=500 * KIB, times=None))
    hub.add(Rule("ignore-ranges", path=STORED, times=None))

    error = failed(fetch(), Reason.SERVER_ERROR)
    assert error.retryable
    assert "ended after" in error.message


def test_a_flipped_byte_costs_that_file_only(fetch: Fetcher, hub: Hub, model: Path) -> None:
    sha = hub.models["test/model"].files()[SHARD].sha256
    hub.add(Rule("flip", path=sha, at=5))

    assert isinstance(fetch(), Outcome)

    size = sum((model / name).stat().st_size for name in WANTED)
    assert hub.log.sent() == size + (model / SHARD).stat().st_size


def test_a_byte_that_is_always_flipped_is_a_checksum_mismatch(
    fetch: Fetcher, hub: Hub, target: Path
) -> None:
    sha = hub.models["test/model"].files()[SHARD].sha256
    hub.add(Rule("flip", path=sha, at=5, times=None))

    error = failed(fetch(), Reason.CHECKSUM_MISMATCH)

    assert not error.retryable
    assert SHARD in error.message
    assert len([served for served in hub.log.read() if sha in served.path]) == 4
    assert SHARD not in names(target)
    assert ".complete.json" not in names(target)


def test_a_wrong_checksum_in_the_listing_is_a_checksum_mismatch(fetch: Fetcher, hub: Hub) -> None:
    hub.add(Rule("wrong-checksum", path="tokenizer.json", times=None))

    error = failed(fetch(), Reason.CHECKSUM_MISMATCH)
    assert "tokenizer.json" in error.message


def test_a_silent_server_is_cut_and_tried_again(fetch: Fetcher, hub: Hub) -> None:
    hub.add(Rule("stall", path=STORED, after=100 * KIB, times=2))

    assert isinstance(fetch(stall_seconds=0.2), Outcome)


def test_a_server_that_stays_silent_is_a_stall(fetch: Fetcher, hub: Hub) -> None:
    hub.add(Rule("stall", path=STORED, after=0, times=None))

    error = failed(fetch(stall_seconds=0.1), Reason.STALLED)

    assert error.retryable
    assert "sent no byte for 0.1 s, 3 times in a row" in error.message


def test_slow_bytes_are_no_stall(fetch: Fetcher, hub: Hub) -> None:
    hub.add(Rule("slow", path="config.json", rate=100, times=1))

    assert isinstance(fetch(stall_seconds=0.25), Outcome)


def test_another_range_than_asked_for_is_not_taken(
    fetch: Fetcher, hub: Hub, target: Path, model: Path
) -> None:
    hub.add(Rule("short", path=STORED, after=100 * KIB, times=3))
    hub.add(Rule("other-range", path=STORED, times=2, skip=3))

    assert isinstance(fetch(), Outcome)
    assert_whole(target, model)


def test_what_another_attempt_has_verified_is_not_fetched_again(
    fetch: Fetcher, hub: Hub, target: Path, model: Path
) -> None:
    assert isinstance(fetch(), Outcome)
    (target / ".complete.json").unlink()
    (target / SHARD).unlink()
    hub.log.clear()

    assert isinstance(fetch(), Outcome)
    assert_whole(target, model)
    assert hub.log.sent() == (model / SHARD).stat().st_size


def test_without_notes_the_files_themselves_are_read(
    fetch: Fetcher, hub: Hub, target: Path, model: Path, said: list[str]
) -> None:
    assert isinstance(fetch(), Outcome)
    (target / ".complete.json").unlink()
    (target / ".fetch" / "verified.jsonl").unlink()
    damaged = bytearray((target / SHARD).read_bytes())
    damaged[1] ^= 1
    (target / SHARD).write_bytes(damaged)
    hub.log.clear()

    assert isinstance(fetch(), Outcome)
    assert_whole(target, model)
    assert hub.log.sent() == (model / SHARD).stat().st_size
    assert any("is not what the source holds" in line for line in said)


def test_a_damaged_partial_file_is_found_and_fetched_anew(
    fetch: Fetcher, hub: Hub, target: Path, model: Path
) -> None:
    hub.add(Rule("status", path=STORED, status=404, times=None, skip=2))
    hub.add(Rule("short", path=STORED, after=100 * KIB, times=None))
    failed(fetch(), Reason.NOT_FOUND)
    partials = [path for path in (target / ".fetch" / "partial").iterdir() if path.stat().st_size]
    assert partials
    for path in partials:
        path.write_bytes(b"\0" * path.stat().st_size)
    hub.rules.replace([])

    assert isinstance(fetch(), Outcome)
    assert_whole(target, model)


def test_a_reader_never_sees_half_a_file(
    fetch: Fetcher, hub: Hub, target: Path, model: Path
) -> None:
    hub.add(Rule("slow", path=STORED, rate=2**20, times=None))
    wrong: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            # Not a walk: folders of the work under way come and go beneath one.
            seen = [name for name in WANTED if (target / name).exists()]
            wrong.extend(
                name
                for name in seen
                if (target / name).stat().st_size != (model / name).stat().st_size
            )

    watcher = threading.Thread(target=watch)
    watcher.start()
    outcome = fetch()
    ended.set()
    watcher.join()

    assert isinstance(outcome, Outcome)
    assert wrong == []


def test_an_owner_that_was_succeeded_waits_for_its_successor(
    fetch: Fetcher,
    hub: Hub,
    target: Path,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.01)
    hub.add(Rule("stall", path=STORED, after=100 * KIB, times=2))
    successor = target / ".fetch" / "claims" / "00000002"

    def succeed() -> None:
        while not successor.parent.exists():
            ended.wait(0.01)
        successor.write_text('{"released": true}')

    ended = threading.Event()
    other = threading.Thread(target=succeed)
    other.start()
    outcome = fetch(stall_seconds=0.5)
    other.join()

    assert isinstance(outcome, Outcome), outcome
    assert any("taken the volume over" in line for line in said)


def test_two_at_once_fetch_once(hub: Hub, target: Path, model: Path) -> None:
    hub.add(Rule("slow", path=STORED, rate=2**20, times=None))
    outcomes: list[Any] = []

    def run() -> None:
        request = Request(HF, {"HF_ENDPOINT": hub.url})
        outcomes.append(Fetch(request, target, log=lambda _: None).run())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes[0] == outcomes[1]
    assert_whole(target, model)
    assert hub.log.sent() == sum((model / name).stat().st_size for name in WANTED)
