"""The fetcher, which at its end tells the most anonymous memory it had: python -m bench.weights.measured FILE ..."""

import os
import sys
from pathlib import Path

from deepseek_serving.weights.__main__ import main


def anonymous_bytes(status: str) -> int:
    """The peak of resident memory less what belongs to files, from /proc/<pid>/status."""
    fields = dict(line.split(":", 1) for line in status.splitlines())
    peak, of_files = (int(fields[name].split()[0]) for name in ("VmHWM", "RssFile"))
    return (peak - of_files) * 1024


if __name__ == "__main__":
    code = main(sys.argv[2:])
    Path(sys.argv[1]).write_text(str(anonymous_bytes(Path("/proc/self/status").read_text())))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
