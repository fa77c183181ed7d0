"""Fetching from a real server on this machine, with everything that may go wrong."""

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from deepseek_serving.weights import claims
from deepseek_serving.weights.errors import FetchError, Reason
from deepseek_serving.weights.fetch import Fetch, Outcome, Request
from deepseek_serving.weights.retries import Policy
from deepseek_serving.weights.sources import hub as hub_source
from deepseek_serving.weights.sources import web
from tests.hub.hub import Hub
from tests.hub.rules import Rule
from tests.unit.serving.weights.conftest import KIB, SHARDS, TOKEN, WANTED

SHARD = SHARDS[0]
HF = "hf://test/model"
STORED = r"/cdn/"
"""Where the hub keeps large files."""


IMPATIENT = Policy(first_pause=0.001, attempts=4)


class Fetcher(Protocol):
    """Fetches into a directory and says what became of it."""

    def __call__(
        self,
        source: str = ...,
        *,
        environment: Mapping[str, str] = ...,
        stall_seconds: float = ...,
        policy: Policy = ...,
    ) -> Outcome | FetchError: ...


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def fetch(hub: Hub, target: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Fetcher:
    monkeypatch.setenv("SSL_CERT_FILE", str(hub.authority))

    def run(
        source: str = HF,
        *,
        environment: Mapping[str, str] | None = None,
        stall_seconds: float = 20.0,
        policy: Policy = IMPATIENT,
    ) -> Outcome | FetchError:
        request = Request(
            source=source,
            target=target,
            environment={"HF_ENDPOINT": hub.url, **(environment or {})},
            stall_seconds=stall_seconds,
            policy=policy,
        )
        try:
            return Fetch(request, log=said.append).run()
        except FetchError as error:
            return error

    return run


def names(target: Path) -> set[str]:
    return {
        path.relative_to(target).as_posix()
        for path in target.rglob("*")
        if path.is_file() and ".fetch" not in path.parts
    }


def assert_whole(target: Path, model: Path, *, also: frozenset[str] = frozenset()) -> None:
    assert names(target) == WANTED | also | {".complete.json"}
    for name in WANTED:
        assert (target / name).read_bytes() == (model / name).read_bytes(), name


def failed(outcome: Outcome | FetchError, reason: Reason) -> FetchError:
    assert isinstance(outcome, FetchError), outcome
    assert outcome.reason is reason, outcome.message
    return outcome


def sources(hub: Hub) -> Iterator[tuple[str, str, str]]:
    """Every kind of source, the revision it has, and where its content is sent from."""
    sums = hub.models["test/model"].sums()
    sha = hashlib.sha256(sums.encode()).hexdigest()
    address = f"{hub.tls_url}/files/test/model/SHA256SUMS#sha256={sha}"
    packed = hub.models["test/model"].archive("model", packed=True)
    packed_sha = hashlib.sha256(packed.read_bytes()).hexdigest()
    archive = f"{hub.tls_url}/archives/test/model.tar.gz#sha256={packed_sha}"
    yield "hf", HF, "/cdn/"
    yield "oras", f"oci://{hub.registry}/oras/test/model:v1", "/blobs/"
    yield "modelcar", f"oci://{hub.registry}/modelcar/test/model", "/blobs/"
    yield "modelcar-packed", f"oci://{hub.registry}/modelcar/test/model-packed", "/blobs/"
    yield "list", address, "/files/.*safetensors"
    yield "archive", archive, "/archives/"


KINDS = ("hf", "oras", "modelcar", "modelcar-packed", "list", "archive")


@pytest.fixture
def account(tmp_path: Path, hub: Hub) -> dict[str, str]:
    """The registry's password."""
    folder = tmp_path / "docker"
    folder.mkdir()
    auth = base64.b64encode(b"user:password").decode()
    (folder / "config.json").write_text(json.dumps({"auths": {hub.registry: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(folder)}


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


@pytest.mark.parametrize(
    ("source", "environment", "reason", "words"),
    [
        pytest.param("hf://test/none", {}, Reason.UNAUTHORIZED, "or its name is wrong", id="none"),
        pytest.param(
            "hf://test/none", {"HF_TOKEN": TOKEN}, Reason.NOT_FOUND, "spelling", id="none-for-us"
        ),
        pytest.param("hf://test/private", {}, Reason.UNAUTHORIZED, "HF_TOKEN", id="no-token"),
        pytest.param("hf://test/gated", {}, Reason.GATED_LICENCE, "accept its licence", id="gated"),
        pytest.param(
            "hf://test/gated",
            {"HF_TOKEN": "another"},
            Reason.GATED_LICENCE,
            "accept its licence",
            id="gated-for-us",
        ),
        pytest.param("hf://test/model@v9", {}, Reason.NOT_FOUND, "revision", id="revision"),
        pytest.param("hf://..a/b", {}, Reason.INVALID_SOURCE, "hf://..a/b", id="name"),
    ],
)
def test_a_refusal_of_the_hub_is_named_as_what_it_is(
    fetch: Fetcher, source: str, environment: dict[str, str], reason: Reason, words: str
) -> None:
    error = failed(fetch(source, environment=environment), reason)

    assert words in error.message
    assert not error.retryable
    assert TOKEN not in error.message


@pytest.mark.parametrize("source", ["hf://test/private", "hf://test/gated"])
def test_a_token_opens_what_it_may_and_stays_with_the_hub(
    fetch: Fetcher, source: str, hub: Hub, target: Path, said: list[str]
) -> None:
    outcome = fetch(source, environment={"HF_TOKEN": TOKEN})

    assert isinstance(outcome, Outcome), outcome
    stored = [served for served in hub.log.read() if "/cdn/" in served.path]
    assert stored
    assert not any(served.authorized for served in stored)
    assert TOKEN not in "".join(said) + (target / ".complete.json").read_text()


def test_a_registry_wants_its_password(fetch: Fetcher, hub: Hub, tmp_path: Path) -> None:
    source = f"oci://{hub.registry}/oras/test/model"

    error = failed(fetch(source), Reason.UNAUTHORIZED)
    assert "dockerconfigjson" in error.message

    wrong = base64.b64encode(b"user:wrong").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {hub.registry: {"auth": wrong}}}))
    error = failed(fetch(source, environment={"DOCKER_CONFIG": str(tmp_path)}), Reason.UNAUTHORIZED)
    assert "is wrong or may not pull" in error.message


def test_a_tag_that_is_not_there_is_not_found(
    fetch: Fetcher, hub: Hub, account: dict[str, str]
) -> None:
    source = f"oci://{hub.registry}/oras/test/model:v9"

    assert "tag" in failed(fetch(source, environment=account), Reason.NOT_FOUND).message


def test_a_digest_is_a_revision(
    fetch: Fetcher, hub: Hub, account: dict[str, str], target: Path
) -> None:
    assert isinstance(fetch(f"oci://{hub.registry}/oras/test/model", environment=account), Outcome)
    digest = json.loads((target / ".complete.json").read_text())["revision"]
    (target / ".complete.json").unlink()
    hub.log.clear()

    source = f"oci://{hub.registry}/oras/test/model@{digest}"
    assert isinstance(fetch(source, environment=account), Outcome)
    assert hub.log.sent() == 0


def test_a_token_that_expires_on_the_way_is_renewed(
    fetch: Fetcher, hub: Hub, account: dict[str, str]
) -> None:
    hub.add(Rule("status", path="/blobs/", status=401, times=1, skip=2))

    assert isinstance(fetch(f"oci://{hub.registry}/oras/test/model", environment=account), Outcome)


def test_a_registry_may_want_the_password_itself(
    fetch: Fetcher, hub: Hub, account: dict[str, str]
) -> None:
    challenge = {"WWW-Authenticate": 'Basic realm="hub"'}
    hub.add(Rule("status", path="/manifests/", status=401, headers=challenge))

    assert isinstance(fetch(f"oci://{hub.registry}/oras/test/model", environment=account), Outcome)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("/manifests/", "no JSON object", id="manifest"),
        pytest.param("/token", "no JSON object", id="token"),
    ],
)
def test_a_registry_that_answers_with_a_page_is_broken(
    fetch: Fetcher, hub: Hub, account: dict[str, str], path: str, words: str
) -> None:
    hub.add(Rule("status", path=path, status=200, times=None))

    error = failed(
        fetch(f"oci://{hub.registry}/oras/test/model", environment=account), Reason.SERVER_ERROR
    )
    assert words in error.message


def test_a_digest_must_be_that_of_the_manifest(
    fetch: Fetcher, hub: Hub, account: dict[str, str]
) -> None:
    hub.add(Rule("status", path="/manifests/", status=200))
    source = f"oci://{hub.registry}/oras/test/model@sha256:{'0' * 64}"

    assert failed(fetch(source, environment=account), Reason.CHECKSUM_MISMATCH)


def test_another_range_than_asked_for_is_not_taken(
    fetch: Fetcher, hub: Hub, target: Path, model: Path
) -> None:
    hub.add(Rule("short", path=STORED, after=100 * KIB, times=3))
    hub.add(Rule("other-range", path=STORED, times=2, skip=3))

    assert isinstance(fetch(), Outcome)
    assert_whole(target, model)


def test_a_server_that_does_not_say_how_long_a_file_is_is_refused(fetch: Fetcher, hub: Hub) -> None:
    sha = hashlib.sha256(hub.models["test/model"].sums().encode()).hexdigest()
    hub.add(Rule("status", path="safetensors", method="HEAD", status=204, times=None))

    error = failed(
        fetch(f"{hub.tls_url}/files/test/model/SHA256SUMS#sha256={sha}"), Reason.INVALID_SOURCE
    )
    assert "204" in error.message


def test_the_sum_of_a_list_must_be_right(fetch: Fetcher, hub: Hub) -> None:
    address = f"{hub.tls_url}/files/test/model/SHA256SUMS#sha256={'0' * 64}"

    error = failed(fetch(address), Reason.CHECKSUM_MISMATCH)
    assert "the list has changed" in error.message


def test_a_file_that_is_no_list_is_refused(fetch: Fetcher, hub: Hub, model: Path) -> None:
    sha = hashlib.sha256((model / "config.json").read_bytes()).hexdigest()
    error = failed(
        fetch(f"{hub.tls_url}/files/test/model/config.json#sha256={sha}"), Reason.INVALID_SOURCE
    )

    assert "sha256sum's format" in error.message


@pytest.mark.parametrize(
    ("environment", "reason", "words"),
    [
        pytest.param(
            {"HF_ENDPOINT": "http://no-such-name.invalid"},
            Reason.NAME_RESOLUTION,
            "no-such-name.invalid cannot be resolved",
            id="name",
        ),
        pytest.param(
            {"HF_ENDPOINT": "http://127.0.0.1:1"}, Reason.UNREACHABLE, "127.0.0.1:1", id="refused"
        ),
    ],
)
def test_a_hub_that_cannot_be_reached_is_tried_again_later(
    fetch: Fetcher, environment: dict[str, str], reason: Reason, words: str
) -> None:
    error = failed(fetch(environment=environment), reason)

    assert words in error.message
    assert error.retryable


def test_an_unknown_authority_is_named(
    fetch: Fetcher, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    error = failed(fetch(f"{hub.tls_url}/x.tar#sha256={'0' * 64}"), Reason.UNREACHABLE)
    assert "SSL_CERT_FILE" in error.message
    assert not error.retryable


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


def test_a_volume_with_another_model_is_left_alone(fetch: Fetcher, target: Path) -> None:
    assert isinstance(fetch(), Outcome)
    before = (target / ".complete.json").read_text()

    error = failed(fetch("hf://test/gated"), Reason.INVALID_SOURCE)

    assert HF in error.message
    assert (target / ".complete.json").read_text() == before


def test_a_file_in_the_way_of_the_target_is_said(fetch: Fetcher, target: Path) -> None:
    target.write_text("a file")

    failed(fetch(), Reason.INVALID_SOURCE)


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


def test_a_token_may_end_in_a_newline(fetch: Fetcher) -> None:
    outcome = fetch("hf://test/private", environment={"HF_TOKEN": f"{TOKEN}\n"})

    assert isinstance(outcome, Outcome), outcome


def test_a_hub_that_takes_no_part_in_the_conversation_is_a_stall(
    fetch: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_source, "LISTING_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"

        error = failed(fetch(environment={"HF_ENDPOINT": address}), Reason.STALLED)

    assert error.retryable


def test_a_mirror_that_answers_with_a_page_is_no_hub(fetch: Fetcher, hub: Hub) -> None:
    hub.add(Rule("status", path="/api/", status=200, times=None))

    error = failed(fetch(), Reason.SERVER_ERROR)
    assert "answers with no listing" in error.message


def test_a_redirect_without_end_is_given_up(fetch: Fetcher, hub: Hub) -> None:
    hub.add(Rule("redirect", path="/resolve/", count=99, times=None))

    assert "redirects without an end" in failed(fetch(), Reason.SERVER_ERROR).message


def test_a_list_that_is_too_long_is_none(
    fetch: Fetcher, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MOST_LIST_BYTES", 10)

    error = failed(
        fetch(f"{hub.tls_url}/files/test/model/SHA256SUMS#sha256={'0' * 64}"),
        Reason.INVALID_SOURCE,
    )
    assert "more than 10 bytes" in error.message


def test_two_at_once_fetch_once(hub: Hub, target: Path, model: Path) -> None:
    hub.add(Rule("slow", path=STORED, rate=2**20, times=None))
    outcomes: list[Any] = []

    def run() -> None:
        request = Request(HF, target, {"HF_ENDPOINT": hub.url})
        outcomes.append(Fetch(request, log=lambda _: None).run())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes[0] == outcomes[1]
    assert_whole(target, model)
    assert hub.log.sent() == sum((model / name).stat().st_size for name in WANTED)
