"""What the images bring to a node: no compiler, and no process that runs as root."""

import pytest

from dev.images import catalog, contents
from dev.images.catalog import Image

EACH = [pytest.param(image, id=image.name) for image in catalog.IMAGES]


@pytest.mark.parametrize("image", EACH)
def test_no_compiler_is_in_an_image(image: Image) -> None:
    files = contents.files(image.archive)

    assert {"usr/bin/sh", "usr/bin/python3"} <= files, "the layers were read"
    assert contents.compilers(files) == []


@pytest.mark.parametrize("image", EACH)
def test_no_image_runs_as_root(image: Image) -> None:
    name, _, group = contents.user(image.archive).partition(":")

    assert name.isdigit(), "the kubelet cannot tell from a name that it is not root"
    assert int(name) > 0
    assert group not in {"0", "root"}
