"""The hub itself, asked by the real clients and by plain HTTP."""

import hashlib
import http.client
import json
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors as hub_errors

from tests.hub.hub import Hub
from tests.hub.models import Model
from tests.hub.rules import Rule, Rules

LARGE = bytes(range(256)) * 512
SMALL = b'{"model_type": "deepseek_v3"}'
TOKEN = "token"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    (place / "model.safetensors").write_bytes(LARGE)
    (place / "config.json").write_bytes(SMALL)
    return place


@pytest.fixture(scope="module")
def running(directory: Path) -> Iterator[Hub]:
    models = [
        Model("a/open", directory),
        Model("a/private", directory, private=True, token=TOKEN),
        Model("a/gated", directory, gated=True, token=TOKEN),
    ]
    with Hub(*models) as hub:
        yield hub


@pytest.fixture
def hub(running: Hub) -> Hub:
    running.rules.replace([])
    running.log.clear()
    return running


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def client(hub: Hub, token: str | bool = False) -> huggingface_hub.HfApi:
    return huggingface_hub.HfApi(endpoint=hub.url, token=token)


def test_the_real_client_lists_sizes_and_checksums(hub: Hub) -> None:
    info = client(hub).model_info("a/open", files_metadata=True)

    assert info.sha == hub.models["a/open"].revision
    small, large = info.siblings or []
    assert (small.rfilename, small.size, small.lfs) == ("config.json", len(SMALL), None)
    blob = b"blob %d\0" % len(SMALL) + SMALL
    assert small.blob_id == hashlib.sha1(blob).hexdigest()  # noqa: S324 - git's
    assert large.lfs is not None
    assert large.lfs.sha256 == hashlib.sha256(LARGE).hexdigest()
    tree = client(hub).list_repo_tree("a/open", recursive=True)
    assert [entry.path for entry in tree] == ["config.json", "model.safetensors"]


def test_the_real_client_downloads_a_snapshot(hub: Hub, tmp_path: Path) -> None:
    place = client(hub).snapshot_download("a/open", cache_dir=tmp_path)

    assert Path(place, "model.safetensors").read_bytes() == LARGE
    assert Path(place, "config.json").read_bytes() == SMALL


@pytest.mark.parametrize(
    ("name", "token", "revision", "error"),
    [
        pytest.param("a/none", False, "main", hub_errors.HfHubHTTPError, id="none"),
        pytest.param("a/none", TOKEN, "main", hub_errors.RepositoryNotFoundError, id="for-us"),
        pytest.param("a/private", False, "main", hub_errors.HfHubHTTPError, id="private"),
        pytest.param("a/open", False, "v9", hub_errors.RevisionNotFoundError, id="revision"),
    ],
)
def test_the_real_client_understands_refusals(
    hub: Hub, name: str, token: str | bool, revision: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        client(hub, token).model_info(name, revision=revision)


def test_a_gated_model_may_be_listed_and_not_downloaded(hub: Hub, tmp_path: Path) -> None:
    assert client(hub).model_info("a/gated").gated == "manual"
    with pytest.raises(hub_errors.GatedRepoError):
        client(hub, "another").hf_hub_download("a/gated", "config.json", cache_dir=tmp_path)
    assert client(hub, TOKEN).hf_hub_download("a/gated", "config.json", cache_dir=tmp_path)


def test_a_store_refuses_a_token(hub: Hub) -> None:
    address = f"http://127.0.0.1:{hub._hub.store_port}/cdn/a/open"
    sha = hashlib.sha256(LARGE).hexdigest()

    assert get(f"{address}/{sha}?signature=x")[0] == 200
    assert get(f"{address}/{sha}")[0] == 403
    assert get(f"{address}/{sha}?signature=x", Authorization="Bearer x")[0] == 403
    assert get(f"{address}/{'0' * 64}?signature=x")[0] == 403


def small_file(hub: Hub) -> str:
    return f"{hub.url}/files/a/open/config.json"


@pytest.mark.parametrize(
    ("asked", "status", "body", "told"),
    [
        pytest.param("bytes=5-", 206, SMALL[5:], f"bytes 5-{len(SMALL) - 1}/{len(SMALL)}", id="to"),
        pytest.param("bytes=5-8", 206, SMALL[5:9], f"bytes 5-8/{len(SMALL)}", id="part"),
        pytest.param("bytes=5-999", 206, SMALL[5:], f"bytes 5-{len(SMALL) - 1}/{len(SMALL)}"),
        pytest.param("bytes=999-", 416, b"", f"bytes */{len(SMALL)}", id="beyond"),
        pytest.param("lines=1-", 200, SMALL, None, id="unknown-unit"),
    ],
)
def test_a_range_is_answered(
    hub: Hub, asked: str, status: int, body: bytes, told: str | None
) -> None:
    code, headers, content = get(small_file(hub), Range=asked)

    assert (code, content, headers.get("Content-Range")) == (status, body, told)


def test_what_was_sent_is_logged(hub: Hub) -> None:
    get(small_file(hub), Range="bytes=5-")

    served = hub.log.read()[-1]
    assert (served.method, served.status, served.sent) == ("GET", 206, len(SMALL) - 5)
    assert hub.log.sent("config") == len(SMALL) - 5
    assert hub.log.sent("safetensors") == 0


def test_a_head_has_a_length_and_no_body(hub: Hub) -> None:
    request = urllib.request.Request(small_file(hub), method="HEAD")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert (answer.headers["Content-Length"], answer.read()) == (str(len(SMALL)), b"")


def test_a_status_comes_as_often_as_it_is_asked_for(hub: Hub) -> None:
    hub.add(Rule("status", status=429, headers={"Retry-After": "7"}, times=2, skip=1))

    answers = [get(small_file(hub)) for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 429, 429, 200]
    assert answers[1][1]["Retry-After"] == "7"


def test_a_redirect_leads_there_in_the_end(hub: Hub) -> None:
    hub.add(Rule("redirect", count=3, times=None))

    assert get(small_file(hub))[2] == SMALL


def test_ranges_can_be_ignored(hub: Hub) -> None:
    hub.add(Rule("ignore-ranges"))

    status, headers, content = get(small_file(hub), Range="bytes=5-")
    assert (status, content) == (200, SMALL)
    assert "Accept-Ranges" not in headers


def test_a_byte_can_be_flipped_wherever_the_range_begins(hub: Hub) -> None:
    hub.add(Rule("flip", at=7, times=2))
    wrong = bytearray(SMALL)
    wrong[7] ^= 0xFF

    assert get(small_file(hub))[2] == wrong
    assert get(small_file(hub), Range="bytes=5-")[2] == wrong[5:]
    assert get(small_file(hub))[2] == SMALL


def test_a_file_can_be_cut_and_say_so(hub: Hub) -> None:
    hub.add(Rule("truncate", at=9))

    assert get(small_file(hub))[2] == SMALL[:9]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param("short", http.client.IncompleteRead, id="short"),
        pytest.param("reset", ConnectionResetError, id="reset"),
    ],
)
def test_a_connection_can_end_early(hub: Hub, fault: str, error: type[Exception]) -> None:
    hub.add(Rule(fault, after=9))

    with pytest.raises(error):
        get(small_file(hub))


def test_a_connection_can_fall_silent(hub: Hub) -> None:
    hub.add(Rule("stall", after=9))
    with urllib.request.urlopen(small_file(hub), timeout=2) as answer:
        assert answer.read(9) == SMALL[:9]
        with pytest.raises(TimeoutError):
            answer.read(1)


def test_content_can_come_slowly(hub: Hub) -> None:
    hub.add(Rule("slow", rate=2000))

    assert get(small_file(hub))[2] == SMALL


def test_a_listing_can_be_wrong(hub: Hub) -> None:
    hub.add(Rule("wrong-checksum", path="safetensors"))

    info = client(hub).model_info("a/open", files_metadata=True)
    large = (info.siblings or [])[1]
    assert large.lfs is not None
    assert large.lfs.sha256 != hashlib.sha256(LARGE).hexdigest()


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown fault 'nap'"):
        Rules().add(Rule("nap"))


def test_a_list_of_sums_is_what_sha256sum_reads(hub: Hub, directory: Path) -> None:
    _, _, sums = get(f"{hub.url}/files/a/open/SHA256SUMS")

    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "-"],
        input=sums,
        cwd=directory,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0
    assert get(f"{hub.url}/files/a/open/none")[0] == 404
    assert get(f"{hub.url}/files/a/none/x")[0] == 404


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_an_archive_holds_the_folder(hub: Hub, tmp_path: Path, ending: str) -> None:
    (tmp_path / "x").write_bytes(get(f"{hub.url}/archives/a/open.{ending}")[2])

    with tarfile.open(tmp_path / "x") as archive:
        assert archive.getnames() == ["open", "open/config.json", "open/model.safetensors"]


def manifest(hub: Hub, form: str, reference: str = "latest") -> Any:
    return json.loads(get(f"{hub.url}/v2/{form}/a/open/manifests/{reference}")[2])


def test_an_artefact_is_a_layer_a_file(hub: Hub) -> None:
    layers = manifest(hub, "oras")["layers"]

    titles = [layer["annotations"]["org.opencontainers.image.title"] for layer in layers]
    assert titles == ["config.json", "model.safetensors"]
    content = get(f"{hub.url}/v2/oras/a/open/blobs/{layers[1]['digest']}")[2]
    assert content == LARGE
    assert get(f"{hub.url}/v2/oras/a/open/blobs/sha256:0")[0] == 404
    assert get(f"{hub.url}/v2/oras/a/none/manifests/latest")[0] == 404
    assert get(f"{hub.url}/v2/oras/a/open/manifests/v9")[0] == 404
    assert get(f"{hub.url}/v2/")[0] == 200


def test_an_image_is_an_index_of_manifests_of_layers(hub: Hub, tmp_path: Path) -> None:
    index = manifest(hub, "modelcar")
    digest = index["manifests"][1]["digest"]
    layers = manifest(hub, "modelcar", digest)["layers"]

    place = tmp_path / "layer"
    place.write_bytes(get(f"{hub.url}/v2/modelcar/a/open/blobs/{layers[1]['digest']}")[2])
    assert f"sha256:{hashlib.sha256(place.read_bytes()).hexdigest()}" == layers[1]["digest"]
    with tarfile.open(place) as archive:
        assert "models/model.safetensors" in archive.getnames()


def test_it_runs_as_a_process_and_takes_rules_over_http(directory: Path) -> None:
    command = [sys.executable, "-m", "tests.hub", "--directory", f"x/y={directory}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        url = addresses["hub"]
        assert addresses["models"] == ["x/y"]
        rules = json.dumps([{"fault": "status", "path": "config"}]).encode()
        request = urllib.request.Request(f"{url}/_rules", data=rules, method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 204

        assert get(f"{url}/files/x/y/config.json")[0] == 500
        assert get(f"{url}/files/x/y/config.json")[0] == 200
        assert json.loads(get(f"{url}/_log")[2])[-1]["sent"] == len(SMALL)
        with urllib.request.urlopen(
            urllib.request.Request(f"{url}/_log", method="DELETE"), timeout=10
        ):
            pass
        assert json.loads(get(f"{url}/_log")[2]) == []
        process.terminate()
        assert process.wait(20) == 0
