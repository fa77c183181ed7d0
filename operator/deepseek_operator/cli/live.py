"""The verbs that talk to a cluster: status, explain, plan, and what may be asked of a rollout."""

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.catalog.facts import CatalogError
from deepseek_operator.cli import ask, documents, lookup, planning, pods, remedies, show
from deepseek_operator.cli.ask import NothingToAskError
from deepseek_operator.cli.objects import InputError
from deepseek_operator.cli.pods import Pod
from deepseek_operator.cli.show import Standing
from deepseek_operator.kube import client, resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, UnreachableError, VersionConflictError
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.sizing.terms import CannotRunError

MANAGER = "kubectl-deepseek"
"""In managedFields: who asked, and when."""

_PERIOD_SECONDS = 2.0


_ERRORS = (
    NothingToAskError,
    ApiError,
    UnreachableError,
    client.NoKubeconfigError,
    InputError,
    CatalogError,
    CannotRunError,
)


def connect_and_run(options: argparse.Namespace) -> int:
    """One verb; errors in one sentence."""
    try:
        return asyncio.run(run(options))
    except _ERRORS as error:
        print(f"error: {remedies.told(error, options)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def run(options: argparse.Namespace) -> int:
    """Connect, and do it."""
    api, namespace = await client.connect_as_user(
        kubeconfig=options.kubeconfig, context=options.context
    )
    kube = Kube(api, manager=MANAGER)
    try:
        if options.verb == "plan":
            return await planning.plan(kube, options, namespace=namespace)
        return await carry_out(kube, options, namespace=options.namespace or namespace)
    finally:
        await kube.close()


async def carry_out(kube: Kube, options: argparse.Namespace, *, namespace: str) -> int:
    """One verb; the exit code."""
    name = options.name
    if options.verb == "status":
        return await _status(kube, options, namespace)
    manifest = await lookup.get(kube, namespace, name)
    if options.verb == "explain":
        print(_told(options.output, show.explain(manifest), show.reasons(manifest)))
        return 0
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


async def _pods(kube: Kube, manifest: dict[str, Any]) -> tuple[Pod, ...] | None:
    """Of its engines and its gateway; None where they may not be listed."""
    namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    try:
        engines, gateways = [
            await kube.list_all(resources.POD, namespace, labels={label: name})
            for label in (names.DEPLOYMENT_LABEL, names.GATEWAY_LABEL)
        ]
    except ApiError as error:
        if error.code == HTTPStatus.FORBIDDEN:
            return None
        raise
    return pods.of_object(manifest, (*engines, *gateways))


async def _status(kube: Kube, options: argparse.Namespace, namespace: str) -> int:
    shown: object = None
    while True:
        manifest = await lookup.get(kube, namespace, options.name)
        found = await _pods(kube, manifest)
        standing, told = show.standing(manifest), show.document(manifest, pods=found)
        # How long it is so changes with every look; a program wants to hear of what is new.
        text = show.describe(manifest, now=datetime.now(UTC), pods=found)
        news = text if options.output == "table" else told
        if news != shown:
            print(_told(options.output, text, told, is_one_of_many=options.watch), flush=True)
            shown = news
        if not options.watch or standing is not Standing.UNDER_WAY:
            return int(standing)
        await asyncio.sleep(_PERIOD_SECONDS)


def _told(output: str, text: str, document: dict[str, Any], *, is_one_of_many: bool = False) -> str:
    """As text or as data; of many documents JSON has one a line, and YAML a line before each."""
    if output == "table":
        return text
    if not is_one_of_many:
        return documents.render(document, output)
    if output == "json":
        return json.dumps(document)
    return f"---\n{documents.render(document, output)}"
