"""Which images may go because they lost their name."""

import pytest

from dev.cluster import images

NAMED = {"localhost/x:1": "sha256:aa", "sha256:aa": "sha256:aa"}


@pytest.mark.parametrize(
    ("listed", "used", "superfluous"),
    [
        pytest.param({}, (), [], id="nothing-there"),
        pytest.param(NAMED, (), [], id="its-name-keeps-it"),
        pytest.param({**NAMED, "sha256:bb": "sha256:bb"}, (), ["sha256:bb"], id="lost-its-name"),
        pytest.param({**NAMED, "sha256:bb": "sha256:bb"}, ("sha256:bb",), [], id="still-used"),
        pytest.param(
            {"sha256:cc": "sha256:cc", "sha256:bb": "sha256:bb"},
            ("localhost/x:1",),
            ["sha256:bb", "sha256:cc"],
            id="in-a-fixed-order",
        ),
    ],
)
def test_an_image_without_a_name_that_nothing_uses_may_go(
    listed: dict[str, str], used: tuple[str, ...], superfluous: list[str]
) -> None:
    assert superfluous == images.unnamed(listed, used=used)


def test_the_name_services_image_is_tagged_with_its_version() -> None:
    assert images.coredns().startswith("localhost/deepseek-operator/coredns:v1.")
