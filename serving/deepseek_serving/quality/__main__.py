"""Examines a candidate: `python3 -m deepseek_serving.quality --spec FILE [--prompts DIRECTORY] ...`.

Progress goes to standard error by the names of prompts, never with prompts or answers; the result within 4 KiB
to standard output and to the result file. Exit code 0: nothing is missing. The others stand in failures.py.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import ValidationError

from deepseek_serving.quality import prompts, result, webhook
from deepseek_serving.quality.asking import WAIT_SECONDS, Asking
from deepseek_serving.quality.failures import USAGE_EXIT_CODE, Failure, Reason
from deepseek_serving.quality.result import Grade, Result
from deepseek_serving.quality.spec import ExamSpec


@dataclass(frozen=True, slots=True)
class Files:
    """What is mounted."""

    prompts: Path | None = None
    token: Path | None = None
    ca: Path | None = None


def arguments_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m deepseek_serving.quality", description=(__doc__ or "").partition(":")[0]
    )
    parser.add_argument("--spec", type=Path, required=True, help="file with the ExamSpec, JSON")
    parser.add_argument("--prompts", type=Path, help="directory with the ConfigMap's documents")
    parser.add_argument("--token-file", type=Path, help="file with the webhook's bearer token")
    parser.add_argument("--ca-file", type=Path, help="file with certificates that are trusted")
    parser.add_argument(
        "--result-file", type=Path, help="where the result goes, say /dev/termination-log"
    )
    return parser


async def examine(spec: ExamSpec, files: Files, *, wait_seconds: float = WAIT_SECONDS) -> Result:
    """Run it; SIGTERM and the limit of time end it with a result."""
    found = Result()
    task = asyncio.ensure_future(_examine(spec, files, found, wait_seconds=wait_seconds))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        async with asyncio.timeout(spec.max_seconds):
            await task
    except Failure as failure:
        found.failure = failure
    except TimeoutError:
        found.failure = Failure(Reason.TIMED_OUT, f"not done within {spec.max_seconds:g} s")
    except asyncio.CancelledError:
        found.failure = Failure(Reason.TIMED_OUT, "the Job was told to stop")
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    return found


async def _examine(spec: ExamSpec, files: Files, found: Result, *, wait_seconds: float) -> None:
    targets = spec.targets
    if targets.candidate or targets.stable:
        asked = prompts.load(files.prompts, name=spec.prompts_name)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            asking = Asking(session, model=spec.model, wait_seconds=wait_seconds)
            if targets.candidate:
                found.candidate = await asking.grade(asked, targets.candidate)
                say(f"candidate: {_words(found.candidate)}")
            if targets.stable:
                found.stable = await asking.grade(asked, targets.stable)
                say(f"stable: {_words(found.stable)}")
    if spec.webhook is not None:
        review = {**spec.webhook.review, "prompts": found.grades()}
        found.opinion = await webhook.ask(
            spec.webhook, review, token_file=files.token, ca_file=files.ca
        )
        say(f"webhook: pass is {found.opinion.passes}")


def _words(grade: Grade) -> str:
    failed = "".join(f"\n  {name}" for name in grade.failed)
    return f"{grade.passed} of {grade.asked} prompts were answered as expected{failed}"


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine, write the result, and return the exit code."""
    options = arguments_parser().parse_args(arguments)
    try:
        spec = ExamSpec.model_validate_json(options.spec.read_bytes())
    except (OSError, ValidationError) as error:
        say(f"error: {error}")
        return USAGE_EXIT_CODE
    files = Files(options.prompts, options.token_file, options.ca_file)
    found = asyncio.run(examine(spec, files))
    if found.failure is not None:
        say(f"error: {found.failure}")
    text = result.encode(found.to_document())
    print(text, flush=True)
    if options.result_file is not None:
        try:
            options.result_file.write_text(text)
        except OSError as error:
            say(f"error: the result cannot be written: {error}")
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
