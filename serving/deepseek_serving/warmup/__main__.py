"""Warms up one engine process: `python3 -m deepseek_serving.warmup --spec FILE --url URL ...`.

Progress goes to standard error, the whole result to standard output as one line, and the result
within 4 KiB to the result file. Exit code 0: the pod's first lock is open. The others stand in
failures.py.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from deepseek_serving.warmup import client, result
from deepseek_serving.warmup.failures import USAGE_EXIT_CODE
from deepseek_serving.warmup.result import Result
from deepseek_serving.warmup.runner import POLL_SECONDS, Warmup, say
from deepseek_serving.warmup.spec import WarmupSpec


def arguments_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m deepseek_serving.warmup", description=(__doc__ or "").partition(":")[0]
    )
    parser.add_argument("--spec", type=Path, required=True, help="file with the WarmupSpec, JSON")
    parser.add_argument("--url", required=True, help="the engine, http://POD_IP:8000")
    parser.add_argument("--warden", required=True, help="the pod's warden, http://POD_IP:8001")
    parser.add_argument(
        "--token-file", type=Path, required=True, help="file with the token the warden knows"
    )
    parser.add_argument(
        "--prompts", type=Path, help="directory with a system prompt in each file, as a ConfigMap's"
    )
    parser.add_argument(
        "--result-file", type=Path, help="where the result goes, say /dev/termination-log"
    )
    return parser


async def warm_up(
    spec: WarmupSpec, *, url: str, warden: str, token: str, poll_seconds: float = POLL_SECONDS
) -> Result:
    """Run it; SIGTERM ends it with a result."""
    async with client.open_session() as session:
        warmup = Warmup(
            spec=spec,
            engine=client.Engine(session, url, clock=time.perf_counter),
            warden=client.Warden(session, warden, token=token),
            clock=time.perf_counter,
            poll_seconds=poll_seconds,
        )
        task = asyncio.ensure_future(warmup.run())
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            return await task
        finally:
            loop.remove_signal_handler(signal.SIGTERM)


def with_prompts(spec: WarmupSpec, directory: Path | None) -> WarmupSpec:
    """The spec with the texts of a directory after its own system prompts; OSError, ValidationError.

    A mounted ConfigMap also holds names that begin with a dot, which are the kubelet's.
    """
    if directory is None:
        return spec
    files = sorted(file for file in directory.iterdir() if not file.name.startswith("."))
    texts = [text for file in files if (text := _text(file))]
    document = {**spec.model_dump(), "system_prompts": [*spec.system_prompts, *texts]}
    return WarmupSpec.model_validate(document)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise OSError(f"{file} is not UTF-8: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Warm up, write the result, and return the exit code."""
    options = arguments_parser().parse_args(arguments)
    try:
        spec = with_prompts(
            WarmupSpec.model_validate_json(options.spec.read_bytes()), options.prompts
        )
        token = options.token_file.read_text().strip()
    except (OSError, ValidationError) as error:
        say(f"error: {error}")
        return USAGE_EXIT_CODE
    found = asyncio.run(warm_up(spec, url=options.url, warden=options.warden, token=token))
    document = found.to_document()
    print(result.encode(document), flush=True)
    if options.result_file is not None:
        try:
            options.result_file.write_text(result.encode_short(document))
        except OSError as error:
            say(f"error: the result cannot be written: {error}")
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
