"""Fetching from an S3 store: moto's server, with what fails before it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.weights.errors import FetchError, Reason
from deepseek_serving.weights.fetch import Fetch, Outcome, Request
from deepseek_serving.weights.retries import Policy
from deepseek_serving.weights.sources import s3
from tests.hub import store
from tests.hub.hub import BUCKET, Hub
from tests.hub.models import Model
from tests.hub.rules import Rule
from tests.unit.serving.weights.conftest import make_model
from tests.unit.serving.weights.fetching import SHARDS, WANTED

MIB = 2**20
Fetcher = Callable[..., Outcome | FetchError]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With shards of two parts each."""
    return make_model(tmp_path_factory.mktemp("s") / "model", seed=2, shard_bytes=9 * MIB)


@pytest.fixture(scope="module")
def running_store(model: Path) -> Iterator[Hub]:
    with Hub(Model("test/model", model), store_port=0) as hub:
        yield hub


@pytest.fixture
def hub(running_store: Hub) -> Hub:
    running_store.rules.replace([])
    running_store.log.clear()
    return running_store


@pytest.fixture
def client(hub: Hub) -> Iterator[Any]:
    made = store.client(hub.store_url)
    yield made
    made.close()


@pytest.fixture
def fetch(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetcher:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in store.CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    def run(
        source: str = f"s3://{BUCKET}/test/model", *, endpoint: str | None = None
    ) -> Outcome | FetchError:
        request = Request(
            source=source,
            environment={"AWS_ENDPOINT_URL": endpoint or hub.store_url},
            policy=Policy(first_pause=0.001, attempts=3),
        )
        try:
            return Fetch(request, tmp_path / "target", log=lambda _: None).run()
        except FetchError as error:
            return error

    return run


def failed(outcome: Outcome | FetchError, reason: Reason) -> FetchError:
    assert isinstance(outcome, FetchError), outcome
    assert outcome.reason is reason, outcome.message
    return outcome


def test_objects_are_fetched_and_verified_by_their_etags(
    fetch: Fetcher, tmp_path: Path, model: Path
) -> None:
    outcome = fetch()

    assert isinstance(outcome, Outcome), outcome
    for name in WANTED:
        assert (tmp_path / "target" / name).read_bytes() == (model / name).read_bytes()
    marker = (tmp_path / "target" / ".complete.json").read_text()
    assert '"md5-of-parts"' in marker
    assert '"md5"' in marker


def test_a_flipped_byte_is_found_by_the_sum_of_the_parts(
    fetch: Fetcher, hub: Hub, tmp_path: Path, model: Path
) -> None:
    hub.add(Rule("flip", path=SHARDS[0], at=8 * MIB + 1))

    assert isinstance(fetch(), Outcome)
    assert (tmp_path / "target" / SHARDS[0]).read_bytes() == (model / SHARDS[0]).read_bytes()


def test_without_credentials_nothing_is_signed(
    fetch: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in store.CREDENTIALS:
        monkeypatch.delenv(name)

    outcome = fetch()
    assert isinstance(outcome, Outcome), outcome


def test_a_stated_sha256_comes_first_and_kms_has_none(
    fetch: Fetcher, client: Any, tmp_path: Path
) -> None:
    place = {"Bucket": BUCKET, "Body": b"weights"}
    client.put_object(**place, Key="sums/model.safetensors", ChecksumAlgorithm="SHA256")
    outcome = fetch(f"s3://{BUCKET}/sums")
    assert isinstance(outcome, Outcome), outcome
    assert '"sha256"' in (tmp_path / "target" / ".complete.json").read_text()
    (tmp_path / "target" / ".complete.json").unlink()

    client.put_object(**place, Key="kms/model.safetensors", ServerSideEncryption="aws:kms")
    error = failed(fetch(f"s3://{BUCKET}/kms"), Reason.INVALID_SOURCE)
    assert "states no checksum" in error.message


def test_folders_are_no_files_and_pages_are_read_on(
    fetch: Fetcher, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PAGE_OBJECTS", 2)
    client.put_object(Bucket=BUCKET, Key="pages/", Body=b"")
    for number in range(4):
        client.put_object(Bucket=BUCKET, Key=f"pages/a/{number}", Body=b"")
    client.put_object(Bucket=BUCKET, Key="pages/model.safetensors", Body=b"weights")

    outcome = fetch(f"s3://{BUCKET}/pages")
    assert isinstance(outcome, Outcome), outcome
    assert outcome.files == 1


@pytest.mark.parametrize(
    ("source", "rule", "expected"),
    [
        pytest.param("s3://nobody/x", None, (Reason.NOT_FOUND, "check bucket"), id="bucket"),
        pytest.param(f"s3://{BUCKET}/x", None, (Reason.NOT_FOUND, "holds no object"), id="prefix"),
        pytest.param(
            f"s3://{BUCKET}/test/model",
            Rule("status", status=403, times=None),
            (Reason.UNAUTHORIZED, "s3:ListBucket"),
            id="403",
        ),
        pytest.param(
            f"s3://{BUCKET}/test/model",
            Rule("status", status=400, times=None),
            (Reason.INVALID_SOURCE, "AWS_REGION"),
            id="another-region",
        ),
        pytest.param(
            f"s3://{BUCKET}/test/model",
            Rule("status", status=503, times=None),
            (Reason.SERVER_ERROR, "3 times in a row"),
            id="503",
        ),
    ],
)
def test_a_refusal_is_named(
    fetch: Fetcher, hub: Hub, source: str, rule: Rule | None, expected: tuple[Reason, str]
) -> None:
    if rule is not None:
        hub.add(Rule(**vars(rule)))
    reason, words = expected

    assert words in failed(fetch(source), reason).message


def test_a_store_that_is_not_there_is_for_later(fetch: Fetcher) -> None:
    assert failed(fetch(endpoint="http://127.0.0.1:1"), Reason.UNREACHABLE).retryable
    assert failed(fetch(endpoint="http://none.invalid"), Reason.NAME_RESOLUTION).retryable


def test_an_address_that_is_none_is_the_users(fetch: Fetcher) -> None:
    failed(fetch(endpoint="http://not a host"), Reason.INVALID_SOURCE)
