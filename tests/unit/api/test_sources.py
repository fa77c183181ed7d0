"""The text of `source` as a value."""

import pytest

from deepseek_operator.api.sources import FetchedSource, PvcSource, Source, parse_source

SHA = "0" * 64


@pytest.mark.parametrize(
    ("text", "source"),
    [
        pytest.param("pvc://models", PvcSource("models", ""), id="whole-claim"),
        pytest.param("pvc://models/", PvcSource("models", ""), id="whole-claim-with-slash"),
        pytest.param("pvc://models/a/b.c", PvcSource("models", "a/b.c"), id="path-in-claim"),
        pytest.param("pvc://m.x-1/a", PvcSource("m.x-1", "a"), id="claim-with-dots"),
    ],
)
def test_a_claim_of_the_users_own_is_read_with_its_path(text: str, source: Source) -> None:
    assert source == parse_source(text)


@pytest.mark.parametrize(
    ("text", "scheme", "title"),
    [
        pytest.param("hf://org/name", "hf", "name", id="repository"),
        pytest.param("hf://org/name@v1", "hf", "name", id="revision"),
        pytest.param("hf://org/name@refs/pr/1", "hf", "name", id="ref"),
        pytest.param("s3://bucket", "s3", "bucket", id="bucket"),
        pytest.param("s3://bucket/a/b/", "s3", "b", id="prefix"),
        pytest.param("oci://reg.example:5000/a/name:1.2", "oci", "name", id="tag"),
        pytest.param(f"oci://reg.example/a/name@sha256:{SHA}", "oci", "name", id="digest"),
        pytest.param(f"https://host/a/m.tar.gz#sha256={SHA}", "https", "m.tar.gz", id="archive"),
    ],
)
def test_what_is_fetched_is_known_by_its_scheme_and_its_last_name(
    text: str, scheme: str, title: str
) -> None:
    source = parse_source(text)

    assert isinstance(source, FetchedSource)
    assert (source.text, source.scheme, source.title) == (text, scheme, title)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("models", id="no-scheme"),
        pytest.param("ftp://host/file", id="other-scheme"),
        pytest.param("s3://Bucket/key", id="bucket-in-capitals"),
        pytest.param("s3://", id="no-bucket"),
        pytest.param("oci://registry", id="no-repository"),
        pytest.param("oci://registry/name@md5:0", id="other-digest"),
        pytest.param(f"https://host/file?token=x#sha256={SHA}", id="a-query-is-a-secret"),
        pytest.param(f"https://me@host/file#sha256={SHA}", id="so-is-a-user"),
        pytest.param("https://host/file", id="no-checksum"),
        pytest.param("pvc://", id="no-claim"),
        pytest.param("pvc://models/../secret", id="leaves-the-claim"),
        pytest.param("pvc://models/a/..", id="leaves-at-the-end"),
        pytest.param("pvc://models/./a", id="dot"),
        pytest.param("pvc://models//a", id="empty-part"),
        pytest.param("hf://name", id="no-organisation"),
        pytest.param("hf://a/b/c", id="three-parts"),
        pytest.param("hf://a/b@", id="empty-revision"),
        pytest.param("hf://a/b c", id="space"),
    ],
)
def test_any_other_text_is_refused_with_the_forms_that_are_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="none of pvc://claim/path, hf://") as refusal:
        parse_source(text)

    assert repr(text) in str(refusal.value)
