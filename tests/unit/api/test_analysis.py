"""Limits of a Canary as people write them."""

import pytest
from pydantic import ValidationError

from deepseek_operator.api.analysis import Analysis, seconds_of_limit


@pytest.mark.parametrize(
    ("text", "seconds"), [("800ms", 0.8), ("1ms", 0.001), ("2s", 2.0), ("999999ms", 999.999)]
)
def test_a_limit_is_read_in_seconds(text: str, seconds: float) -> None:
    assert seconds_of_limit(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["2", "2m", "0s", "-1s", "1.5s", "1s500ms", "ms", "soon", ""])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Analysis.model_validate({"timeToFirstToken": {"limit": text}})
