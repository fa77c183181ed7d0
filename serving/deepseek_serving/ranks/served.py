"""What rank 0 serves with: `python3 -m deepseek_serving.ranks.served FOLDER`, beside the ranks that compute.

The engine's launcher splits its words at each space, and goes on when the server has ended. So the command is read from the
folder, and the folder is told of the server's process and of its end: the leader's program looks there.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

COMMAND, PROCESS, END = "command.json", "process", "end"


def keep(folder: Path, name: str, text: str) -> None:
    """Write a file that appears whole or not at all."""
    temporary = folder / f".{name}"
    temporary.write_text(text)
    temporary.replace(folder / name)


def read_number(folder: Path, name: str) -> int | None:
    """What a file says; None where it is not there."""
    try:
        return int((folder / name).read_text())
    except FileNotFoundError:
        return None


def main(arguments: Sequence[str]) -> int:
    """Run the server, and say how it ended."""
    folder = Path(arguments[0])
    command = json.loads((folder / COMMAND).read_text())
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        keep(folder, END, "127")
        return 127
    keep(folder, PROCESS, f"{process.pid}")
    code = process.wait()
    keep(folder, END, f"{code}")
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
