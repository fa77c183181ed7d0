"""What S3 objects and the documents of registries state about themselves."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.weights.errors import Permanent
from deepseek_serving.weights.listing import Checksum, checked_path
from deepseek_serving.weights.sources import registry
from deepseek_serving.weights.sources.s3 import stated_checksum

MIB = 2**20
MD5 = "0" * 31 + "a"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(
            {"ChecksumSHA256": base64.b64encode(b"\xab" * 32).decode(), "ETag": f'"{MD5}"'},
            Checksum("sha256", "ab" * 32),
            id="sha256-before-the-etag",
        ),
        pytest.param({"ETag": f'"{MD5}"'}, Checksum("md5", MD5), id="etag"),
        pytest.param(
            {"ETag": f'"{MD5}"', "ServerSideEncryption": "AES256"},
            Checksum("md5", MD5),
            id="etag-under-the-store's-own-key",
        ),
        pytest.param(
            {"ETag": f'"{MD5}"', "ServerSideEncryption": "aws:kms"}, None, id="no-etag-under-kms"
        ),
        pytest.param(
            {"ETag": f'"{MD5}"', "SSECustomerAlgorithm": "AES256"}, None, id="nor-a-customer's-key"
        ),
        pytest.param(
            {
                "ETag": f'"{MD5}-4"',
                "ServerSideEncryption": "aws:kms",
                "ChecksumCRC64NVME": base64.b64encode(b"\x01" * 8).decode(),
            },
            Checksum("crc64nvme", "01" * 8),
            id="what-amazon's-tools-state-by-default",
        ),
        pytest.param(
            {"ETag": f'"{MD5}-4"'}, Checksum("md5-of-parts", f"{MD5}-4", 8 * MIB), id="parts"
        ),
        pytest.param(
            {"ETag": f'"{MD5}-4"', "ChecksumSHA256": "AAAA-4"},
            Checksum("md5-of-parts", f"{MD5}-4", 8 * MIB),
            id="parts-with-a-sum-of-sums",
        ),
        pytest.param({"ETag": '"something-else"'}, None, id="an-etag-of-its-own-kind"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_only_what_is_a_checksum_of_the_content_counts(
    head: dict[str, Any], expected: Checksum | None
) -> None:
    assert stated_checksum(head, size=30 * MIB, first_part=None) == expected


@pytest.mark.parametrize(
    ("host", "document", "expected"),
    [
        pytest.param("r.io", {"auths": {"r.io": {"auth": "dTpw"}}}, "dTpw", id="auth"),
        pytest.param(
            "r.io", {"auths": {"https://r.io/v2/": {"auth": "dTpw"}}}, "dTpw", id="as-an-address"
        ),
        pytest.param(
            "r.io", {"auths": {"r.io": {"username": "u", "password": "p"}}}, "dTpw", id="in-words"
        ),
        pytest.param(
            "docker.io",
            {"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}},
            "dTpw",
            id="docker-hub",
        ),
        pytest.param("r.io", {"auths": {"other.io": {"auth": "dTpw"}}}, None, id="another's"),
        pytest.param("r.io", {}, None, id="none"),
    ],
)
def test_the_account_comes_from_dockers_file(
    tmp_path: Path, host: str, document: dict[str, Any], expected: str | None
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(document))

    assert registry.account(host, {"DOCKER_CONFIG": str(tmp_path)}) == expected


def test_a_mounted_secret_has_another_name(tmp_path: Path) -> None:
    text = json.dumps({"auths": {"r.io": {"auth": "dTpw"}}})
    (tmp_path / ".dockerconfigjson").write_text(text)

    assert registry.account("r.io", {"DOCKER_CONFIG": str(tmp_path)}) == "dTpw"
    assert registry.account("r.io", {"HOME": str(tmp_path)}) is None


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("not json")

    with pytest.raises(Permanent, match=r"config\.json is no Docker configuration"):
        registry.account("r.io", {"DOCKER_CONFIG": str(tmp_path)})


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a\\b", "a\0b", "a\nb", ".fetch/x", ".complete.json"],
)
def test_a_file_that_would_lie_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(Permanent, match="cannot be stored"):
        checked_path(path)


def test_an_ordinary_path_stays_as_it_is() -> None:
    assert checked_path("a/./b.json") == "a/b.json"
