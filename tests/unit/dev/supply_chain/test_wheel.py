"""The wheel: two builds of one source are the same, wherever and by whomever they are made."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from dev.images.catalog import PROJECT
from dev.paths import REPOSITORY

pytestmark = pytest.mark.timeout(120)

BUILD = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"


def copy(target: Path) -> Path:
    for name in ("CHANGELOG.md", "crds", *PROJECT):
        source, place = REPOSITORY / name, target / name
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
    return target


def build(source: Path, *, umask: int, epoch: str) -> Path:
    output = source / "dist"
    name = subprocess.run(
        [sys.executable, "-c", BUILD, output],
        cwd=source,
        env={"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": str(umask)},
        umask=umask,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[-1]
    return output / name


def test_path_umask_and_time_change_no_byte_of_it(tmp_path: Path) -> None:
    first = copy(tmp_path / "here")
    second = copy(tmp_path / "somewhere" / "else" / "deep")
    for file in second.rglob("*.py"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
        file.chmod(0o600)

    one = build(first, umask=0o022, epoch="1700000000")
    other = build(second, umask=0o077, epoch="1700000000")

    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def test_it_holds_both_packages_their_licence_and_nothing_else(tmp_path: Path) -> None:
    wheel = build(copy(tmp_path / "source"), umask=0o022, epoch="1700000000")

    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        times = {entry.date_time for entry in content.infolist()}

    tops = {name.partition("/")[0].partition("-")[0] for name in names}
    assert tops == {"deepseek_operator", "deepseek_serving"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert times == {(2023, 11, 14, 22, 13, 20)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("-m", "deepseek_operator.cli", "models"), "DeepSeek-V3", id="models"),
        pytest.param(("-c", "import deepseek_operator as it; print(it.__file__)"), "unpacked", id="where-it-is"),
    ],
)  # fmt: skip
def test_the_cli_runs_from_it_alone(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """With its dependencies, and without the repository: what is not packed would be missed."""
    wheel, unpacked = (
        build(copy(tmp_path / "source"), umask=0o022, epoch="1700000000"),
        tmp_path / "unpacked",
    )
    with zipfile.ZipFile(wheel) as content:
        content.extractall(unpacked)

    # Without `site` what is installed in place is not on the path.
    ran = subprocess.run(
        [sys.executable, "-S", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{unpacked}{os.pathsep}{sysconfig.get_path('purelib')}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert said in ran.stdout
