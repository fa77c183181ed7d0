"""The images: what each is built from, and a hash of it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dev.paths import CACHE, REPOSITORY

PREFIX = "localhost/deepseek-operator"
PROJECT = (
    "pyproject.toml",
    "uv.lock",
    "README.md",
    "LICENSE",
    "operator",
    "serving/deepseek_serving",
)


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its Dockerfile's folder is serving/images/NAME, unless another root is given."""

    name: str
    tag: str
    inputs: tuple[str, ...] = ()
    """Files and folders of the repository that the Dockerfile copies; the context is then the repository."""
    root: str = "serving/images"
    on: str = ""
    """The image that this one adds to; by default the base of all."""
    tree: Path = REPOSITORY
    """The files of the project that it is built from: this one's, or those of an earlier release."""

    @property
    def reference(self) -> str:
        """The full name by which pods ask for the image."""
        return f"{PREFIX}/{self.name}:{self.tag}"

    @property
    def folder(self) -> Path:
        """Where the Dockerfile is."""
        return self.tree / self.root / self.name

    @property
    def context(self) -> Path:
        """The folder that the Dockerfile copies from."""
        return self.tree if self.inputs else self.folder

    @property
    def archive(self) -> Path:
        """Where the built image lies."""
        name = self.name if self.tree == REPOSITORY else f"{self.name}-{self.tag}"
        return CACHE / "images" / f"{name}.tar"

    def digest(self, base: str) -> str:
        """A hash of the Dockerfile, of everything that it copies, and of what it is built on."""
        foundation = by_name(self.on).digest(base) if self.on else base
        total = hashlib.sha256(f"{foundation}\0".encode())
        for root in (self.folder, *(self.tree / path for path in self.inputs)):
            for file in files(root):
                name = file.relative_to(self.tree)
                total.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
        return total.hexdigest()[:16]


OURS = tuple(Image(name, "dev", PROJECT) for name in ("operator", "toolbox", "gateway"))
"""Those that hold the code of this repository: each release has its own."""

IMAGES = (*OURS, Image("vllm-cpu", "0.32.0"))
"""What the product consists of."""

COMPILING = Image("vllm-cpu-compiling", "0.32.0", root="tests/images", on="vllm-cpu")
"""An engine that compiles, for tests and benchmarks of what compiling costs; not for serving."""


FAKE_TRTLLM = Image(
    "fake-trtllm-serve", "1.2.1", ("tests/faketrtllm",), root="tests/images", on="toolbox"
)
"""A `trtllm-serve` that computes nothing, for tests on machines without a GPU; not for serving."""

FAILING = Image("vllm-cpu-failing", "0.32.0", root="tests/images", on="vllm-cpu")
"""An engine that fails every third of users' requests, for tests of what becomes of it; not for serving."""

FOR_TESTS = (COMPILING, FAKE_TRTLLM, FAILING)


def by_name(name: str) -> Image:
    """The image of that name."""
    return next(image for image in (*IMAGES, *FOR_TESTS) if image.name == name)


def files(root: Path) -> Iterator[Path]:
    """Every file below a folder in a fixed order, or the file itself; byte code does not count."""
    if root.is_file():
        yield root
        return
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path
