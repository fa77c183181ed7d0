"""How many accelerators a replica has."""

from typing import Any

import pytest

from tests.unit.samples import engine_request


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        pytest.param({"model": "DeepSeek-V3"}, 8, id="the-catalog's"),
        pytest.param({"model": "DeepSeek-V3", "accelerator": {"count": 16}}, 16, id="the-user's"),
        pytest.param({"model": "own", "source": "hf://a/b"}, 1, id="one-for-an-unknown-model"),
        pytest.param({"model": "DeepSeek-V3", "accelerator": {"kind": "CPU"}}, 0, id="cpu"),
    ],
)
def test_the_users_count_wins_over_the_catalogs(spec: dict[str, Any], count: int) -> None:
    assert count == engine_request(**spec).accelerators
