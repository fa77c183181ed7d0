"""The text of `source` as a value."""

import pytest

from deepseek_operator.api.sources import HubSource, PvcSource, Source, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        pytest.param("pvc://models", PvcSource("models", ""), id="whole-claim"),
        pytest.param("pvc://models/", PvcSource("models", ""), id="whole-claim-with-slash"),
        pytest.param("pvc://models/a/b.c", PvcSource("models", "a/b.c"), id="path-in-claim"),
        pytest.param("pvc://m.x-1/a", PvcSource("m.x-1", "a"), id="claim-with-dots"),
        pytest.param("hf://org/name", HubSource("org/name", None), id="repository"),
        pytest.param("hf://org/name@v1", HubSource("org/name", "v1"), id="revision"),
        pytest.param("hf://org/name@refs/pr/1", HubSource("org/name", "refs/pr/1"), id="ref"),
    ],
)
def test_a_source_is_a_claim_or_a_repository(text: str, source: Source) -> None:
    assert source == parse_source(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("models", id="no-scheme"),
        pytest.param("s3://bucket/key", id="other-scheme"),
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
    with pytest.raises(ValueError, match="neither pvc://claim/path nor hf://") as refusal:
        parse_source(text)

    assert repr(text) in str(refusal.value)
