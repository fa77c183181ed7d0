"""`python -m bench.sizing`: sizing beside what is published, and how long a plan and advice take."""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time

from bench.sizing import report
from deepseek_operator.catalog import catalog
from deepseek_operator.sizing import quantization
from deepseek_operator.sizing.size import size
from deepseek_operator.sizing.terms import CannotRunError, Overrides, Pool, Question
from dev.paths import REPOSITORY

IMPORT = (sys.executable, "-c", "import deepseek_operator.cli.__main__")
PLAN = (
    sys.executable,
    "-m",
    "deepseek_operator.cli",
    "plan",
    "--filename",
    str(REPOSITORY / "examples" / "deepseek-v3.yaml"),
    "--accelerators",
    "16xH200:8",
)
ADVISE = (
    sys.executable,
    "-m",
    "deepseek_operator.cli",
    "advise",
    "math",
    "--accelerators",
    "16xH200:8",
    "--requests-per-second",
    "20",
)
BARE = (sys.executable, "-c", "pass")


def main() -> int:
    """Print; 1 where a figure misses its bound without a reason."""
    parser = argparse.ArgumentParser(prog="bench.sizing", description=__doc__)
    parser.add_argument(
        "--published", action="store_true", help="only the table, which needs no clock"
    )
    parser.add_argument("--rounds", type=int, default=15, help="of each time (default: 15)")
    options = parser.parse_args()
    print(report.table())
    if not options.published:
        print(f"\n{times(options.rounds)}")
    return 0 if all(line.is_met or line.missed for line in report.lines()) else 1


def times(rounds: int) -> str:
    """Seconds as a table: of processes in interleaved rounds, and of the whole matrix."""
    commands = {
        "python alone": BARE,
        "import of the CLI": IMPORT,
        "plan, cold": PLAN,
        "advise, cold": ADVISE,
    }
    for command in commands.values():
        _wall(command)  # byte code and the disk's cache are there in real life too
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(_wall(command))
    goals = {"import of the CLI": "150 ms", "plan, cold": "300 ms", "advise, cold": "300 ms"}
    rows = ["| raw | median | best | CPU, median | goal |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| {name} | {1000 * statistics.median(wall for wall, _ in all_):.0f} ms | "
        f"{1000 * min(wall for wall, _ in all_):.0f} ms | "
        f"{1000 * statistics.median(cpu for _, cpu in all_):.0f} ms | {goals.get(name, '')} |"
        for name, all_ in found.items()
    ]
    taken = [matrix() for _ in range(3)]
    walls, cpus = [wall for _, wall, _ in taken], [cpu for _, _, cpu in taken]
    rows.append(
        f"| sizing of {taken[0][0]} combinations | {1000 * statistics.median(walls):.0f} ms | {1000 * min(walls):.0f} ms | "
        f"{1000 * statistics.median(cpus):.0f} ms | 1 s |"
    )
    return "\n".join(rows)


def _wall(command: tuple[str, ...]) -> tuple[float, float]:
    """Seconds of the wall's clock and of the CPU."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    taken, after = time.perf_counter() - started, os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return taken, cpu


ENGINES = ("vllm-0.33.0", "tensorrt-llm-1.2")
FORMS = ("auto", *quantization.NAMES)


def matrix() -> tuple[int, float, float]:
    """Every model with both engines on four of the largest nodes of every accelerator, in every form.

    How many, and seconds of the wall's clock and of the CPU.
    """
    known = catalog.shipped()
    questions = [
        Question(
            name,
            model,
            known.engines[engine],
            Pool(product, entry, 4 * node, node),
            overrides=Overrides(form),
            rdma=True,
        )
        for name, model in known.models.items()
        for engine in ENGINES
        for product, entry in known.accelerators.items()
        for node in (max(entry.node_gpus),)
        for form in FORMS
    ]
    started, before = time.perf_counter(), time.process_time()
    for question in questions:
        with contextlib.suppress(CannotRunError):
            size(question)
    return len(questions), time.perf_counter() - started, time.process_time() - before


if __name__ == "__main__":
    sys.exit(main())
