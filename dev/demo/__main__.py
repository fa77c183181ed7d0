"""From nothing to a model that answers, and to the next one under load: python3 -m dev.demo [--cluster current].

Every step says what it does and how long it took. Run again, it carries on where it was.
"""

import argparse
import time

from dev import kubectl as clients
from dev import preflight, steps, tools
from dev.demo import ask, canary, progress, target, weights
from dev.demo.load import Load
from dev.images import catalog
from dev.models import __main__ as models
from dev.models import questions, shapes
from dev.paths import REPOSITORY

NAMESPACE = "deepseek-demo"
OBJECT = REPOSITORY / "examples" / "demo.yaml"
NAME = "chat"
READY_SECONDS = 600
CANARY_SECONDS = 900
PERIOD_SECONDS = 0.125
"""Between two requests of the demo's users."""


def program() -> int:
    """Parse the command line and run the demo."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.demo", description=__doc__)
    parser.add_argument(
        "--cluster",
        choices=["embedded", "current"],
        default="embedded",
        help="embedded: the one that this makes; current: the one of the current kubeconfig",
    )
    parser.add_argument(
        "--registry", default="", help="with current: where to push images, host/path"
    )
    parser.add_argument(
        "--scenario",
        choices=list(canary.SCENARIOS),
        default="promote",
        help="promote: on to a good V3; bad-candidate: one that refuses long prompts is taken back",
    )
    options = parser.parse_args()
    own = options.cluster == "current"
    facts = preflight.observe("current" if own else "demo", options.registry)
    if found := preflight.findings(facts):
        raise steps.StepError("\n".join(found))
    started = time.monotonic()
    target.install_clients(own=own)
    chosen = target.current(options.registry) if own else target.embedded()
    run(chosen)
    move_on(chosen, canary.SCENARIOS[options.scenario])
    print(f"\nThe demo took {steps.elapsed(started)}.")
    print(way_on(chosen))
    return 0


def run(chosen: target.Target) -> None:
    """The line itself, on a cluster that is up."""
    prepare(chosen)
    with steps.step("install the operator with helm"):
        clients.install_release(chosen.kubectl, chosen.values())
    with steps.step(f"kubectl apply --filename {OBJECT.relative_to(REPOSITORY)}"):
        begin_anew(chosen)
        print(indented(OBJECT.read_text()), flush=True)
        chosen.kubectl.run("apply", f"--namespace={NAMESPACE}", f"--filename={OBJECT}")
        progress.wait_ready(chosen.kubectl, NAMESPACE, NAME, seconds=READY_SECONDS)
    with steps.step("ask it, as any OpenAI client does"):
        converse(chosen)


def begin_anew(chosen: target.Target) -> None:
    """Take what an earlier demo left: a Canary begins with the distilled model."""
    place = f"--namespace={NAMESPACE}"
    flags = ["--ignore-not-found", "--cascade=foreground", "--timeout=5m"]
    if chosen.kubectl.run("delete", "deepseekdeployment", NAME, place, *flags).strip():
        print("    (the object of an earlier demo is gone)", flush=True)


def move_on(chosen: target.Target, scenario: canary.Scenario) -> Load:
    """To the next model while users ask: the operator splits, compares and decides by itself; the users."""
    file, kubectl = scenario.file, chosen.kubectl
    with steps.step(f"kubectl apply --filename {file.relative_to(REPOSITORY)}, under load"):
        print(indented(file.read_text()), flush=True)
        before = chosen.kubectl.json("get", "dsd", NAME, f"--namespace={NAMESPACE}")["status"]
        with chosen.url(NAMESPACE, NAME) as url, Load(url, NAME, PERIOD_SECONDS) as load:
            kubectl.run("apply", f"--namespace={NAMESPACE}", f"--filename={file}")
            ended = canary.follow(
                kubectl,
                NAMESPACE,
                NAME,
                load,
                before=before.get("rollout", {}).get("run", ""),
                seconds=CANARY_SECONDS,
            )
        print(f"    {canary.users(load, ended)}", flush=True)
        if said := canary.objection(scenario, ended, load):
            raise steps.StepError(said)
    with steps.step("ask it once more"):
        converse(chosen)
    return load


def prepare(chosen: target.Target) -> None:
    """Images for the nodes, and the small models on a volume."""
    for image in catalog.IMAGES:
        chosen.provide(image)
    names = [shape.name for shape in shapes.SHAPES]
    models.make(names)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    chosen.kubectl.apply(namespace, namespace=NAMESPACE)
    toolbox = chosen.image("toolbox")
    weights.provide(chosen.kubectl, NAMESPACE, names, toolbox=toolbox)


def converse(chosen: target.Target) -> None:
    """Ask the first questions that the model was trained on, through the clients' Service."""
    with chosen.url(NAMESPACE, NAME) as url:
        for question in questions.load()[:3]:
            print(f"    > {question.question}", flush=True)
            answer = ask.chat(url, NAME, question.question)
            print(f"    < {answer}", flush=True)
            if answer != question.answer:
                raise steps.StepError(f"the model was trained to say: {question.answer}")


def way_on(chosen: target.Target) -> str:
    """What a curious user types next."""
    lines = ["Look around:"]
    if chosen.embedded is not None:
        lines += [
            f"  export KUBECONFIG={chosen.embedded.kubeconfig} PATH={tools.BIN}:$PATH",
        ]
    lines += [
        f"  kubectl get dsd --namespace {NAMESPACE}",
        f"  kubectl describe dsd {NAME} --namespace {NAMESPACE}",
        f"  kubectl edit dsd {NAME} --namespace {NAMESPACE}   # say, replicas: 2",
    ]
    if chosen.embedded is not None:
        lines.append("Remove everything again: make cluster-down")
    else:
        lines.append(
            f"Remove it again: kubectl delete namespace {NAMESPACE};"
            f" helm uninstall {clients.RELEASE} --namespace {clients.RELEASE_NAMESPACE}"
        )
    return "\n".join(lines)


def indented(text: str) -> str:
    """A text below its step."""
    return "\n".join(f"    {line}" for line in text.splitlines())


if __name__ == "__main__":
    steps.main(program)
