"""`deepseek-operator`: settings from the environment, then the operator until it is told to stop."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from importlib import metadata

from deepseek_operator.application import run_operator
from deepseek_operator.logs import configure_logging
from deepseek_operator.settings import PREFIX, Settings, SettingsError, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator; 0 when told to stop, 1 when it cannot go on, 2 for unusable settings."""
    options = parser().parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    configure_logging(options.log_level)
    try:
        asyncio.run(run_operator(settings))
    except Exception:
        logging.getLogger(__name__).exception("the operator cannot go on")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    lines = [
        f"  {PREFIX}{name.upper():<22} {field.description}"
        for name, field in Settings.model_fields.items()
    ]
    root = argparse.ArgumentParser(
        prog="deepseek-operator",
        description="Serves DeepSeek models on a Kubernetes cluster.",
        epilog="environment:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=metadata.version("deepseek-operator"))
    root.add_argument(
        "--log-level",
        default="INFO",
        choices=["DEBUG", "INFO", "WARNING", "ERROR"],
        help="least severe message to log (default: INFO)",
    )
    return root


if __name__ == "__main__":
    sys.exit(main())
