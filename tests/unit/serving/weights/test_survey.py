"""A listing alone, beside the fetch of the same source."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from deepseek_serving.weights import __main__ as program
from deepseek_serving.weights.errors import Permanent, Reason, Stopped, Temporary
from deepseek_serving.weights.fetch import Outcome, Request, Survey
from deepseek_serving.weights.inventory import Inventory
from deepseek_serving.weights.listing import RemoteFile
from tests.hub.hub import Hub
from tests.hub.rules import Rule
from tests.unit.serving.weights.fetching import (
    HF,
    IMPATIENT,
    KINDS,
    WANTED,
    Fetcher,
    sources,
)


@pytest.fixture
def environment(
    hub: Hub, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    monkeypatch.setenv("SSL_CERT_FILE", str(hub.authority))
    return {"HF_ENDPOINT": hub.url, **account}


def survey(source: str, environment: Mapping[str, str]) -> Survey:
    request = Request(source, environment, stall_seconds=20.0, policy=IMPATIENT)
    return Survey(request, log=lambda _: None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_survey_finds_what_a_fetch_expects(
    kind: str, hub: Hub, environment: Mapping[str, str], fetch: Fetcher, target: Path
) -> None:
    source = next(source for name, source, _ in sources(hub) if name == kind)

    found = survey(source, environment).run()

    assert hub.log.sent() == 0
    assert not target.exists()
    outcome = fetch(source, environment=environment)
    assert isinstance(outcome, Outcome), outcome
    assert found.revision == json.loads((target / ".complete.json").read_text())["revision"]
    assert found.size == hub.log.sent()
    if not any(file.archive for file in found.files):
        assert (len(found.files), found.size) == (outcome.files, outcome.size)
        assert {file.path for file in found.files} == WANTED


def test_a_refusal_of_any_file_is_found(hub: Hub, environment: Mapping[str, str]) -> None:
    hub.add(Rule("status", path="safetensors", method="HEAD", status=404, times=None))
    source = next(source for name, source, _ in sources(hub) if name == "list")

    with pytest.raises(Permanent, match="safetensors") as refusal:
        survey(source, environment).run()

    assert refusal.value.reason is Reason.NOT_FOUND


def test_what_passes_is_tried_again(hub: Hub, environment: Mapping[str, str]) -> None:
    hub.add(Rule("status", status=500, times=2))
    assert len(survey(HF, environment).run().files) == len(WANTED)

    hub.add(Rule("status", status=500, times=None))
    with pytest.raises(Temporary, match="4 times in a row"):
        survey(HF, environment).run()


def test_told_to_stop_it_does_not_try_again(hub: Hub, environment: Mapping[str, str]) -> None:
    hub.add(Rule("status", status=500, times=None))
    errand = survey(HF, environment)
    errand.stop.set()

    with pytest.raises(Stopped):
        errand.run()


def test_the_program_prints_what_it_leaves(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    result = tmp_path / "result"

    assert program.main(["--source", HF, "--list", "--result-file", str(result)]) == 0

    document = json.loads(result.read_text())
    assert document["files"] == len(WANTED)
    assert document["revision"] == hub.models["test/model"].revision
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [document]
    assert "6 of 8 files" in err


def test_the_result_of_a_listing() -> None:
    files = (
        RemoteFile("config.json", 10, None),
        RemoteFile("layer", 300, None, archive="image"),
    )

    assert program.listed(Inventory("v1", files), seconds=1.26) == {
        "files": 2,
        "bytes": 310,
        "roomBytes": 610,
        "revision": "v1",
        "seconds": 1.3,
    }
