"""Who reaches the operator and whom it reaches, by the labels that pods really have."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from deepseek_operator.build import policies
from deepseek_operator.engines.contract import Policies
from dev.paths import REPOSITORY
from tests.chart import rendering
from tests.chart.matrix import MATRIX
from tests.chart.rendering import Manifest
from tests.unit import fences
from tests.unit.fences import End
from tests.unit.samples import IMAGES, deepseek
from tests.unit.world import World

MONITORED = MATRIX["monitoring"]
ENGINE = End(
    "team", {"serving.deepseek.dev/deployment": "chat", "serving.deepseek.dev/revision": "k"}
)
GATEWAY = End("team", {"serving.deepseek.dev/gateway": "chat"})
OUTSIDE = End(address="203.0.113.7")


def of_the_release(**values: object) -> list[Manifest]:
    return list(rendering.of_kind("NetworkPolicy", **values))


def operator() -> End:
    labels = rendering.only("Deployment")["spec"]["template"]["metadata"]["labels"]
    return End(rendering.NAMESPACE, labels)


def test_the_operator_is_reached_for_its_metrics_alone() -> None:
    found = of_the_release(**MONITORED)
    [test] = rendering.of_kind("Pod")
    prometheus, other = End("monitoring", {}), End("team", {"app": "x"})

    assert fences.may_connect(found, prometheus, operator(), 8080)
    assert not fences.may_connect(of_the_release(), prometheus, operator(), 8080)
    assert fences.may_connect(
        found, End(rendering.NAMESPACE, test["metadata"]["labels"]), operator(), 8080
    )
    assert not fences.may_connect(found, prometheus, operator(), 22)
    assert not fences.may_connect(found, other, operator(), 8080)


def test_the_operator_reaches_what_it_reads_and_nothing_else() -> None:
    found = of_the_release(**MONITORED)
    kept = {
        (name, port)
        for name, end in {
            "engine": ENGINE,
            "gateway": GATEWAY,
            "any": End("team", {}),
            "outside": OUTSIDE,
        }.items()
        for port in (53, 443, 5353, 8000, 8081, 8443, 16443)
        if fences.may_connect(found, operator(), end, port)
    }

    everywhere = {
        (name, port)
        for name in ("engine", "gateway", "any", "outside")
        for port in (53, 5353, 16443)
    }
    assert kept == {("engine", 8000), ("gateway", 8081)} | everywhere


def test_policies_of_objects_let_the_releases_operator_in() -> None:
    """Both sides have to: the operator's way out, and the pods' way in."""
    world = World(images=replace(IMAGES, policies=Policies(rendering.NAMESPACE)))
    world.settle(deepseek(gateway={"provider": "Embedded"}, model="DeepSeek-R1-Distill-Qwen-7B"))
    both = [
        item for (kind, _), item in world.children.items() if kind == "NetworkPolicy"
    ] + of_the_release()

    for end, port in ((ENGINE, 8000), (GATEWAY, 8081)):
        assert fences.may_connect(both, operator(), end, port)
        assert not fences.may_connect(both, replace(operator(), namespace="team"), end, port)
    assert policies.OPERATOR_SELECTOR.items() <= operator().labels.items()


def test_without_policies_there_is_none() -> None:
    assert of_the_release(**MATRIX["no network policies"]) == []


SET = re.compile(
    r"helm upgrade (?:.*\\\n)*?.*--set '(networkPolicies\.monitoringNamespaces=[^']*)'"
)
WAYS_IN = ("docs/observability.md", "docs/runbooks/DeepSeekOperatorAbsent.md")


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        pytest.param({}, True, id="by-default"),
        pytest.param(MATRIX["watched"], True, id="always"),
        pytest.param(MONITORED, False, id="a-namespace-is-named"),
        pytest.param(MATRIX["no network policies"], False, id="no-policies"),
        pytest.param(MATRIX["not watched"], False, id="nobody-is-to-read"),
    ],
)
def test_who_installs_is_told_that_no_prometheus_is_let_in(
    values: dict[str, Any], warned: bool
) -> None:
    assert bool(SET.search(rendering.notes(**values))) is warned


def test_what_notes_and_pages_have_one_set_lets_that_namespace_in() -> None:
    texts = [rendering.notes(), *((REPOSITORY / page).read_text() for page in WAYS_IN)]

    for text in texts:
        found = SET.search(text)
        assert found
        then = rendering.helm(
            "template", rendering.RELEASE, str(rendering.CHART), "--namespace", rendering.NAMESPACE,
            "--kube-version", rendering.KUBERNETES, "--set", found[1],
            "--show-only", "templates/networkpolicy.yaml",
        )  # fmt: skip
        assert then.returncode == 0, then.stderr
        policy = yaml.safe_load(then.stdout)
        assert fences.may_connect([policy], End("monitoring", {}), operator(), 8080)
