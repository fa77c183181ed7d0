"""What a source refuses or does not have, as the person who must act reads it."""

import base64
import hashlib
import json
import socket
from pathlib import Path

import pytest

from deepseek_serving.weights.errors import Reason
from deepseek_serving.weights.fetch import Outcome
from deepseek_serving.weights.sources import hub as hub_source
from deepseek_serving.weights.sources import web
from tests.hub.hub import Hub
from tests.hub.rules import Rule
from tests.unit.serving.weights.fetching import (
    HF,
    TOKEN,
    Fetcher,
    failed,
)


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


def test_a_volume_with_another_model_is_left_alone(fetch: Fetcher, target: Path) -> None:
    assert isinstance(fetch(), Outcome)
    before = (target / ".complete.json").read_text()

    error = failed(fetch("hf://test/gated"), Reason.INVALID_SOURCE)

    assert HF in error.message
    assert (target / ".complete.json").read_text() == before


def test_a_file_in_the_way_of_the_target_is_said(fetch: Fetcher, target: Path) -> None:
    target.write_text("a file")

    failed(fetch(), Reason.INVALID_SOURCE)


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
