"""The text of a source."""

import pytest

from deepseek_serving.weights.errors import Permanent, Reason
from deepseek_serving.weights.listing import RemoteFile
from deepseek_serving.weights.sources import names
from deepseek_serving.weights.transport import Transport

SHA = "a" * 64


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("hf://org/name", "hf://org/name", id="hf"),
        pytest.param("hf://org/name@v1.0", "hf://org/name@v1.0", id="hf-revision"),
        pytest.param("s3://bucket/some/prefix/", "s3://bucket/some/prefix", id="s3"),
        pytest.param("s3://bucket", "s3://bucket", id="s3-whole-bucket"),
        pytest.param("oci://r.io:5000/a/b:v1", "oci://r.io:5000/a/b:v1", id="oci-tag"),
        pytest.param("oci://r.io/a", "oci://r.io/a:latest", id="oci"),
        pytest.param(
            f"oci://r.io/a:v1@sha256:{SHA}", f"oci://r.io/a@sha256:{SHA}", id="oci-digest"
        ),
        pytest.param(f"https://h/x.tar#sha256={SHA}", f"https://h/x.tar#sha256={SHA}", id="https"),
    ],
)
def test_a_source_is_known_by_its_form(text: str, name: str) -> None:
    source = names.open_source(text, environment={}, transport=Transport(stall_seconds=1))

    assert source.name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "org/name",
        "hf://name",
        "hf://org/name/more",
        "hf://org/name@",
        "s3://",
        "oci://r.io",
        "oci://r.io/a@sha256:123",
        "pvc://claim/path",
        "https://h/x.tar",
        f"http://h/x.tar#sha256={SHA}",
        "https://h/x.tar#sha256=123",
        "ftp://h/x",
    ],
)
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(Permanent) as refusal:
        names.open_source(text, environment={}, transport=Transport(stall_seconds=1))

    assert refusal.value.reason is Reason.INVALID_SOURCE
    assert "sha256" in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:hidden@h/x.tar#sha256={SHA}",
        f"https://h/x.tar?token=hidden#sha256={SHA}",
        "hf://user:hidden@org/name/x",
    ],
)
def test_a_secret_in_a_source_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Permanent) as refusal:
        names.open_source(text, environment={}, transport=Transport(stall_seconds=1))

    assert "hidden" not in refusal.value.message


def test_a_file_without_a_checksum_is_never_compared() -> None:
    with pytest.raises(AssertionError, match="no checksum"):
        _ = RemoteFile("a", 1, None).stated
