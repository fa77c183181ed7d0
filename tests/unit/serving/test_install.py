"""The package beside an engine whose image does not hold it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepseek_serving.engine import compiled, install

SERVING = Path(__file__).parents[3] / "serving"
DEADLINE_SECONDS = 20.0


def test_the_copy_runs_from_where_it_stands(tmp_path: Path) -> None:
    place = install.install(tmp_path)

    script = place / "engine" / "ready.py"
    result = subprocess.run(
        [sys.executable, "-S", script, "--help"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0
    assert "--model" in result.stdout


def test_a_restarted_container_installs_over_what_is_there(tmp_path: Path) -> None:
    install.install(tmp_path)
    (tmp_path / "deepseek_serving/engine/ready.py").write_text("half a copy")

    install.install(tmp_path)

    assert (tmp_path / "deepseek_serving/engine/ready.py").read_text() != "half a copy"


def test_the_program_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main([str(tmp_path)]) == 0
    assert f"installed {tmp_path / 'deepseek_serving'}\n" == capsys.readouterr().out
    assert not list(tmp_path.rglob("__pycache__"))


def test_it_waits_until_the_file_is_there_and_says_so_every_half_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / ".complete.json"
    pauses: list[float] = []
    said_after: list[int] = []

    def pause(seconds: float) -> None:
        if capsys.readouterr().out:
            said_after.append(len(pauses))
        pauses.append(seconds)
        if len(pauses) == 62:
            marker.write_text("{}")

    install.wait_for(marker, pause=pause)

    assert pauses == [1] * 62
    assert said_after == [0, 30, 60]


def test_a_file_that_is_there_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / ".complete.json"
    marker.write_text("{}")

    assert install.main([str(tmp_path), "--wait-for", str(marker)]) == 0

    assert capsys.readouterr().out == f"installed {tmp_path / 'deepseek_serving'}\n"


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Where an engine compiles to, and the store that has something for this node and revision r1."""
    store, before = tmp_path / "store", tmp_path / "before"
    before.mkdir()
    (before / "kernel").write_bytes(b"code")
    compiled.publish(
        store, compiled.full_key("r1", compiled.hardware()), before, owner="another-pod"
    )
    return tmp_path / "cache" / "compiled", store


def test_what_engines_compiled_before_is_brought_back(
    tmp_path: Path, places: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--compiled={places[0]}", f"--store={places[1]}", "--revision=r1"]

    assert install.main([str(tmp_path / "tools"), *flags]) == 0

    key = compiled.full_key("r1", compiled.hardware())
    assert (places[0] / "kernel").read_bytes() == b"code"
    assert compiled.key_file(places[0]).read_text() == key
    words = f"brought back what was compiled before under key {key}: 1 files, 0.0 MiB\n"
    assert capsys.readouterr().out.endswith(words)


@pytest.mark.parametrize(
    ("revision", "damage", "said"),
    [
        pytest.param("r2", False, "nothing is kept under key", id="another-revision"),
        pytest.param("r1", True, "cannot be read, the engine compiles anew", id="damaged"),
    ],
)
def test_an_engine_starts_without_what_cannot_be_brought_back(
    places: tuple[Path, Path], revision: str, *, damage: bool, said: str
) -> None:
    for file in places[1].rglob("kernel"):
        file.write_bytes(b"????" if damage else b"code")

    assert said in install.bring_back(places[0], store=places[1], revision=revision)

    assert list(places[0].iterdir()) == []
    assert compiled.key_file(places[0]).exists()


def test_what_a_pod_has_compiled_itself_is_left_alone(places: tuple[Path, Path]) -> None:
    places[0].mkdir(parents=True)
    (places[0] / "own").write_bytes(b"own")

    said = install.bring_back(places[0], store=places[1], revision="r1")

    assert said == "what this pod compiled before is still there"
    assert [path.name for path in places[0].iterdir()] == ["own"]


def test_a_place_without_a_store_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        install.main([str(tmp_path), f"--compiled={tmp_path}"])

    assert "--compiled, --store and --revision go together" in capsys.readouterr().err


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """The program as a process of its own, which waits for the file `marker`."""
    command = [sys.executable, "-m", "deepseek_serving.engine.install", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--wait-for", str(tmp_path / "marker")],
        env={"PYTHONPATH": str(SERVING), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"installed {tmp_path / 'deepseek_serving'}\n"
            words = f"waiting for {tmp_path / 'marker'}: the weights are being fetched\n"
            assert process.stdout.readline() == words
            yield process
        finally:
            process.kill()


def test_the_program_ends_once_the_file_is_there(
    waiting: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    (tmp_path / "marker").touch()

    assert waiting.wait(DEADLINE_SECONDS) == 0


def test_told_to_stop_the_program_ends_at_once(
    waiting: "subprocess.Popen[str]", capfd: pytest.CaptureFixture[str]
) -> None:
    waiting.send_signal(signal.SIGTERM)

    # Without a handler of its own it would be -15 here, and nothing at all as a first process.
    assert waiting.wait(DEADLINE_SECONDS) == 143
    assert capfd.readouterr().err == ""
