"""`kubectl deepseek`: status of an object, and what may be asked of its rollout.

Exit codes of status: 0 as the spec asks, 1 rolled back or not servable, 2 under way, 3 a person is needed.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from deepseek_operator.cli import ask, show
from deepseek_operator.cli.ask import NothingToAskError
from deepseek_operator.cli.show import Standing
from deepseek_operator.kube import client, resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, UnreachableError, VersionConflictError
from deepseek_operator.rollout.commands import Verb

MANAGER = "kubectl-deepseek"
"""In managedFields: who asked, and when."""

_HELP = {
    Verb.APPROVE: "let a step with a pause, or the promotion, go on",
    Verb.PROMOTE: "all requests to the new revision now, whatever the evidence; not without its pods",
    Verb.ABORT: "back to the revision before, from wherever the Canary is",
    Verb.ROLLBACK: "back to the revision before, while it is kept after a promotion",
    Verb.RETRY: "try once more what was rolled back",
}
_PERIOD_SECONDS = 2.0


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="kubectl deepseek",
        description="Shows what a DeepSeekDeployment's rollout does, and asks things of it.",
    )
    parser.add_argument("--kubeconfig", help="file; default: $KUBECONFIG, or ~/.kube/config")
    parser.add_argument("--context", help="context of it; default: the current one")
    parser.add_argument("-n", "--namespace", help="default: the context's")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    status = verbs.add_parser("status", help="what serves, what is asked for, and how far it is")
    status.add_argument("name", help="of the DeepSeekDeployment")
    status.add_argument("-w", "--watch", action="store_true", help="until nothing is under way")
    for verb, text in _HELP.items():
        verbs.add_parser(str(verb), help=text).add_argument("name", help="of the object")
    verbs.add_parser("pause", help="hold a Canary where it is").add_argument("name")
    verbs.add_parser("resume", help="let it go on").add_argument("name")
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> int:
    """Connect, and do it."""
    api, namespace = await client.connect_as_user(
        kubeconfig=options.kubeconfig, context=options.context
    )
    kube = Kube(api, manager=MANAGER)
    try:
        return await carry_out(kube, options, namespace=options.namespace or namespace)
    finally:
        await kube.close()


async def carry_out(kube: Kube, options: argparse.Namespace, *, namespace: str) -> int:
    """One verb; the exit code."""
    name = options.name
    if options.verb == "status":
        return await _status(kube, namespace, name, watch=options.watch)
    manifest = await kube.get(resources.DEEPSEEK_DEPLOYMENT, namespace, name)
    if manifest is None:
        return _missing(namespace, name)
    meant = _at(manifest)
    for _ in range(_TRIES):
        try:
            operations = _operations(manifest, options.verb)
            await kube.json_patch(resources.DEEPSEEK_DEPLOYMENT, namespace, name, operations)
        except VersionConflictError:
            # Status changes every few seconds; only another step is another question.
            manifest = await kube.get(resources.DEEPSEEK_DEPLOYMENT, namespace, name) or manifest
            if _at(manifest) != meant:
                print(
                    f"error: the Canary has gone on to {_at(manifest)}: look again", file=sys.stderr
                )
                return 1
        else:
            told = f"kubectl deepseek -n {namespace} status {name}"
            print(f"{options.verb}: asked; `{told}` tells the answer")
            return 0
    print("error: the object changes too fast; try again", file=sys.stderr)
    return 1


_TRIES = 10


def _at(manifest: dict[str, Any]) -> str:
    return str(manifest.get("status", {}).get("rollout", {}).get("at", ""))


def _operations(manifest: dict[str, Any], verb: str) -> list[dict[str, Any]]:
    if verb in ("pause", "resume"):
        return ask.pause(manifest, paused=verb == "pause")
    return ask.command(manifest, Verb(verb))


async def _status(kube: Kube, namespace: str, name: str, *, watch: bool) -> int:
    shown = ""
    while True:
        manifest = await kube.get(resources.DEEPSEEK_DEPLOYMENT, namespace, name)
        if manifest is None:
            return _missing(namespace, name)
        standing = show.standing(manifest)
        text = show.describe(manifest, now=datetime.now(UTC))
        if text != shown:
            print(text, flush=True)
            shown = text
        if not watch or standing is not Standing.UNDER_WAY:
            return int(standing)
        await asyncio.sleep(_PERIOD_SECONDS)


def _missing(namespace: str, name: str) -> int:
    print(f"error: there is no DeepSeekDeployment {namespace}/{name}", file=sys.stderr)
    return 1


def main() -> int:
    """One command; errors in one sentence."""
    options = parse()
    try:
        return asyncio.run(run(options))
    except (NothingToAskError, ApiError, UnreachableError, client.NoKubeconfigError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
