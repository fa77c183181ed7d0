"""The listing alone: as much as a fetch takes, in the same words where it fails, and nothing stored."""

import hashlib
import json
import socket
from pathlib import Path

import pytest

from tests.hub.hub import Hub
from tests.hub.rules import Rule
from tests.weights.fetchers import DEADLINE_SECONDS, SECRETS, Fetcher, fetching

STOP_SECONDS = 8.0
FILES = ("hf", "s3", "oras", "list")
ARCHIVES = ("modelcar", "archive")


def source_of(kind: str, hub: Hub) -> str:
    model = hub.models["test/model"]
    if kind == "list":
        sha = hashlib.sha256(model.sums().encode()).hexdigest()
        return f"{hub.tls_url}/files/test/model/SHA256SUMS#sha256={sha}"
    if kind == "archive":
        sha = hashlib.sha256(model.archive("model", packed=True).read_bytes()).hexdigest()
        return f"{hub.tls_url}/archives/test/model.tar.gz#sha256={sha}"
    return {
        "hf": "hf://test/model",
        "s3": "s3://models/test/model",
        "oras": f"oci://{hub.registry}/oras/test/model:v1",
        "modelcar": f"oci://{hub.registry}/modelcar/test/model",
    }[kind]


def assert_nothing_stored(work: Path, *listings: Fetcher) -> None:
    """Nothing but what the test itself has the process write."""
    assert {path.name for path in work.iterdir()} == {listing.folder.name for listing in listings}
    for listing in listings:
        assert {path.name for path in listing.folder.iterdir()} == {"out", "err", "result"}


@pytest.mark.parametrize("kind", [*FILES, *ARCHIVES])
def test_what_is_listed_is_what_a_fetch_takes(kind: str, hub: Hub, tmp_path: Path) -> None:
    source = source_of(kind, hub)
    with fetching(hub, source, tmp_path, AWS_ENDPOINT_URL=hub.store_url) as fetchers:
        listing = fetchers.run_listing()

        assert listing.process.returncode == 0, listing.err
        assert hub.log.sent() == 0
        assert_nothing_stored(tmp_path, listing)
        listed = listing.result
        assert set(listed) == {"files", "bytes", "roomBytes", "revision", "seconds"}
        assert [json.loads(line) for line in listing.out.splitlines()] == [listed]

        done = fetchers.run()

        assert done.process.returncode == 0, done.err
        assert listed["bytes"] == done.result["fetchedBytes"]
        marker = json.loads((fetchers.target / ".complete.json").read_text())
        assert listed["revision"] == marker["revision"]
        if kind in FILES:
            assert (listed["files"], listed["bytes"]) == (
                done.result["files"],
                done.result["bytes"],
            )


@pytest.mark.parametrize(
    ("source", "rule", "expected"),
    [
        pytest.param("hf://test/private", None, (2, "Unauthorized", "HF_TOKEN"), id="no-token"),
        pytest.param("hf://test/model@v9", None, (2, "NotFound", "test/model@v9"), id="not-found"),
        pytest.param("hf://test", None, (2, "InvalidSource", "hf://org"), id="invalid"),
        pytest.param("s3://models/none", None, (2, "NotFound", "holds no object"), id="no-object"),
        pytest.param(
            "s3://models/test/model",
            Rule("status", status=401, times=None),
            (2, "Unauthorized", "AWS_ACCESS_KEY_ID"),
            id="s3-401",
        ),
        pytest.param(
            "hf://test/model",
            Rule("status", status=500, times=None),
            (1, "ServerError", "500"),
            id="500-for-ever",
        ),
    ],
)
def test_a_failure_is_named_as_a_fetch_names_it(
    source: str, rule: Rule | None, expected: tuple[int, str, str], hub: Hub, tmp_path: Path
) -> None:
    code, reason, words = expected
    if rule is not None:
        hub.add(Rule(**vars(rule)))
    with fetching(hub, source, tmp_path, AWS_ENDPOINT_URL=hub.store_url) as fetchers:
        failed = fetchers.run_listing("--attempts", "3")

        assert failed.process.returncode == code, failed.err
        assert set(failed.result) == {"reason", "message", "retryable"}
        assert (failed.result["reason"], failed.result["retryable"]) == (reason, code == 1)
        assert words in failed.result["message"]
        assert f"{reason}: {failed.result['message']}" in failed.err
        assert failed.out == ""
        assert [secret for secret in SECRETS if secret in failed.err] == []
        assert_nothing_stored(tmp_path, failed)


def test_a_fault_that_passes_is_overcome(hub: Hub, tmp_path: Path) -> None:
    hub.add(Rule("status", status=503, times=3))
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        listing = fetchers.run_listing()

        assert listing.process.returncode == 0, listing.err
        assert listing.err.count("again in") == 3


def test_told_to_stop_while_a_server_is_silent_it_stops(hub: Hub, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        fetching(hub, "hf://test/model", tmp_path) as fetchers,
    ):
        fetchers.environment["HF_ENDPOINT"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        listing = fetchers.start_listing()
        silent.settimeout(DEADLINE_SECONDS)
        connection, _ = silent.accept()
        with connection:
            listing.tell_to_stop()

            assert listing.wait(seconds=STOP_SECONDS) == 1
            assert listing.result["reason"] == "Interrupted"


def test_a_listing_has_no_target(hub: Hub, tmp_path: Path) -> None:
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        refused = fetchers.run_listing("--target", str(fetchers.target))

        assert refused.process.returncode == 2
        assert "--target: not allowed with argument --list" in refused.err
        assert hub.log.read() == []
        assert not fetchers.target.exists()
