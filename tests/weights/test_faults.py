"""Every fault, seen from outside: exit code, result, words, and no secret anywhere."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hub.hub import Hub
from tests.hub.rules import Rule
from tests.weights.fetchers import SECRETS, TOKEN, Fetcher, fetching, model_files

MIB = 2**20
STORED = "/cdn/|/models/test/model/model-"


@pytest.mark.parametrize("kind", ["hf", "s3"])
@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([Rule("status", status=500, times=3)], id="500"),
        pytest.param([Rule("status", status=503, path=STORED, times=3)], id="503"),
        pytest.param([Rule("status", status=429, headers={"Retry-After": "0"}, times=3)], id="429"),
        pytest.param([Rule("short", path=STORED, after=2 * MIB, times=3)], id="short"),
        pytest.param([Rule("reset", path=STORED, after=2 * MIB, times=3)], id="reset"),
        pytest.param([Rule("flip", path=STORED, at=2 * MIB, times=1)], id="flip"),
        pytest.param([Rule("truncate", path=STORED, at=2 * MIB, times=1)], id="truncated"),
        pytest.param(
            [Rule("redirect", path=STORED, method="GET", count=4, times=None)], id="redirect"
        ),
        pytest.param([Rule("stall", path=STORED, after=2 * MIB, times=2)], id="stall"),
        pytest.param([Rule("slow", path="config", rate=2000, times=None)], id="slow"),
        pytest.param(
            [
                Rule("ignore-ranges", path=STORED, times=None),
                Rule("reset", path=STORED, after=2 * MIB, times=2),
            ],
            id="ranges-ignored",
        ),
    ],
)
def test_a_fault_that_passes_costs_time_and_not_the_model(
    kind: str, rules: Sequence[Rule], hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    hub.add(*(Rule(**vars(rule)) for rule in rules))
    source = "hf://test/model" if kind == "hf" else "s3://models/test/model"
    environment = {"AWS_ENDPOINT_URL": hub.store_url}
    with fetching(hub, source, tmp_path, **environment) as fetchers:
        done = fetchers.run("--stall-timeout", "0.5")

        assert done.process.returncode == 0, done.err
        assert model_files(fetchers.target) == content
        assert_no_secret(done)


@pytest.mark.parametrize(
    ("source", "rule", "expected"),
    [
        pytest.param("hf://test/private", None, (2, "Unauthorized", "HF_TOKEN"), id="no-token"),
        pytest.param("hf://test/gated", None, (2, "GatedLicence", "licence"), id="gated"),
        pytest.param("hf://test/model@v9", None, (2, "NotFound", "test/model@v9"), id="not-found"),
        pytest.param("hf://test", None, (2, "InvalidSource", "hf://org"), id="invalid"),
        pytest.param(
            "hf://test/model",
            Rule("flip", path=STORED, at=5, times=None),
            (2, "ChecksumMismatch", "fetched whole 4 times"),
            id="flipped-for-ever",
        ),
        pytest.param(
            "hf://test/model",
            Rule("wrong-checksum", path="model-00003", times=None),
            (2, "ChecksumMismatch", "model-00003-of-00003.safetensors"),
            id="wrong-checksum",
        ),
        pytest.param(
            "hf://test/model",
            Rule("status", path=STORED, status=500, times=None),
            (1, "ServerError", "500"),
            id="500-for-ever",
        ),
        pytest.param(
            "hf://test/model",
            Rule("stall", path=STORED, times=None),
            (1, "Stalled", "no byte for 0.3 s"),
            id="silent-for-ever",
        ),
        pytest.param(
            "hf://test/model",
            Rule("reset", path=STORED, after=0, times=None),
            (1, "Unreachable", "127.0.0.1"),
            id="reset-for-ever",
        ),
        pytest.param(
            "s3://nobody/model", None, (2, "NotFound", "check bucket and prefix"), id="no-bucket"
        ),
        pytest.param("s3://models/none", None, (2, "NotFound", "holds no object"), id="no-object"),
        pytest.param(
            "s3://models/test/model",
            Rule("status", status=403, times=None),
            (2, "Unauthorized", "AWS_ACCESS_KEY_ID"),
            id="s3-403",
        ),
    ],
)
def test_a_fault_that_stays_is_named(
    source: str, rule: Rule | None, expected: tuple[int, str, str], hub: Hub, tmp_path: Path
) -> None:
    code, reason, words = expected
    if rule is not None:
        hub.add(Rule(**vars(rule)))
    with fetching(hub, source, tmp_path, AWS_ENDPOINT_URL=hub.store_url) as fetchers:
        failed = fetchers.run("--stall-timeout", "0.3", "--attempts", "3", "--stalls", "2")

        assert failed.process.returncode == code, failed.err
        assert failed.result["reason"] == reason
        assert words in failed.result["message"]
        assert failed.result["retryable"] == (code == 1)
        assert not (fetchers.target / ".complete.json").exists()
        assert f"{reason}: {failed.result['message']}" in failed.err
        assert_no_secret(failed)


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [("http://no-such-name.invalid", "NameResolution"), ("http://127.0.0.1:1", "Unreachable")],
)
@pytest.mark.parametrize("source", ["hf://test/model", "s3://models/test/model"])
def test_a_source_that_cannot_be_reached_is_for_later(
    source: str, endpoint: str, reason: str, hub: Hub, tmp_path: Path
) -> None:
    environment = {"HF_ENDPOINT": endpoint, "AWS_ENDPOINT_URL": endpoint}
    with fetching(hub, source, tmp_path) as fetchers:
        failed = fetchers.run("--attempts", "2", environment=environment)

        assert failed.process.returncode == 1, failed.err
        assert (failed.result["reason"], failed.result["retryable"]) == (reason, True)


def test_secrets_come_from_the_environment_and_go_nowhere(
    hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    hub.add(Rule("reset", path=STORED, after=MIB, times=3))
    with fetching(hub, "hf://test/private", tmp_path) as fetchers:
        done = fetchers.run(environment={"HF_TOKEN": TOKEN})

        assert done.process.returncode == 0, done.err
        assert model_files(fetchers.target) == content
        assert_no_secret(done)
        left = b"".join(
            path.read_bytes()
            for path in fetchers.target.rglob("*")
            if path.suffix != ".safetensors" and path.is_file()
        )
        assert TOKEN.encode() not in left


def test_a_store_without_credentials_is_asked_without_a_signature(hub: Hub, tmp_path: Path) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    with fetching(
        hub, "s3://models/test/model", tmp_path, AWS_ENDPOINT_URL=hub.store_url
    ) as fetchers:
        done = fetchers.run(environment=nobody)

        assert done.process.returncode == 0, done.err


def test_a_proxy_is_used_where_the_environment_names_one(
    hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    through = hub.url.replace("http://", "http://user:password@")
    environment = {"HF_ENDPOINT": "http://hub.invalid", "HTTP_PROXY": through}
    with fetching(hub, "hf://test/model", tmp_path, **environment) as fetchers:
        done = fetchers.run()

        assert done.process.returncode == 0, done.err
        assert model_files(fetchers.target) == content
        assert_no_secret(done)


def test_a_registrys_password_comes_from_a_file(hub: Hub, tmp_path: Path) -> None:
    auth = base64.b64encode(b"user:password").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {hub.registry: {"auth": auth}}}))
    with fetching(
        hub, f"oci://{hub.registry}/oras/test/model", tmp_path, DOCKER_CONFIG=str(tmp_path)
    ) as fetchers:
        done = fetchers.run()

        assert done.process.returncode == 0, done.err
        assert_no_secret(done)
        assert auth not in done.out + done.err


def assert_no_secret(fetcher: Fetcher) -> None:
    """In nothing that it says."""
    shown = fetcher.out + fetcher.err + json.dumps(fetcher.result)
    assert [secret for secret in SECRETS if secret in shown] == []
