"""Which nodes pods may run on, by what their template says and the scheduler checks. Pure.

Looked at: nodeSelector, required node affinity, taints with `NoSchedule` and `NoExecute`, cordoned nodes and those that are
not ready. Not looked at: other pods (affinity between pods, spread), volumes, CPU and memory. Those keep pods off further
nodes, so whoever has no room here has none, and who has room here may still be kept off by them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepseek_operator.capacity.nodes import GPU_RESOURCE, Node, Taint
from deepseek_operator.catalog.accelerators import LABELS

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where pods may run."""

    node_selector: Mapping[str, str]
    terms: Sequence[Manifest] = ()
    """Of required node affinity: a node has to fulfil one of them."""
    tolerations: Sequence[Manifest] = ()
    priority_class: str = ""
    preempts: bool = True
    """Whether pods of lower priority make way for them."""

    @property
    def products(self) -> Mapping[str, str]:
        """What it asks of the labels that name products."""
        known = LABELS.values()
        return {label: value for label, value in self.node_selector.items() if label in known}


def placement_of(spec: Manifest) -> Placement:
    """Of a pod's spec, or of a template's."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return Placement(
        node_selector=dict(spec.get("nodeSelector") or {}),
        terms=tuple(required.get("nodeSelectorTerms") or ()),
        tolerations=tuple(spec.get("tolerations") or ()),
        priority_class=str(spec.get("priorityClassName") or ""),
        preempts=spec.get("preemptionPolicy") != "Never",
    )


def keeps_off(node: Node, placement: Placement) -> str | None:
    """Why the pods do not come to a node, in words that follow "on a node"; None where they may."""
    return _by_labels(node, placement) or _closed(node, placement) or _untolerated(node, placement)


def _by_labels(node: Node, placement: Placement) -> str | None:
    """The same by labels alone."""
    for label, value in placement.node_selector.items():
        if node.labels.get(label) != value:
            return f"without label {label}={value}"
    if placement.terms and not any(_fulfils(node, term) for term in placement.terms):
        return "that pod.affinity does not choose"
    return None


def _closed(node: Node, placement: Placement) -> str | None:
    """Who tolerates everything is let onto a node that is cordoned or not ready; the scheduler does so too."""
    if not node.closed:
        return None
    taint = Taint(f"node.kubernetes.io/{_CLOSED[node.closed]}", "", "NoSchedule")
    return None if any(_tolerates(each, taint) for each in placement.tolerations) else node.closed


_CLOSED = {"cordoned": "unschedulable", "not ready": "not-ready"}
"""Taints that such nodes have (https://kubernetes.io/docs/reference/labels-annotations-taints)."""


def _untolerated(node: Node, placement: Placement) -> str | None:
    for taint in node.taints:
        if any(_tolerates(each, taint) for each in placement.tolerations):
            continue
        if _is_tolerated_by_admission(node, taint):
            continue
        return f"with taint {taint}"
    return None


def _is_tolerated_by_admission(node: Node, taint: Taint) -> bool:
    """GKE gives pods that ask for GPUs a toleration of this taint (admission plugin ExtendedResourceToleration).

    https://cloud.google.com/kubernetes-engine/docs/how-to/gpus
    """
    return taint.key == GPU_RESOURCE and LABELS["gke"] in node.labels


def _tolerates(toleration: Manifest, taint: Taint) -> bool:
    """As ToleratesTaint of k8s.io/component-helpers has it."""
    if toleration.get("effect") and toleration["effect"] != taint.effect:
        return False
    key, operator = toleration.get("key") or "", toleration.get("operator") or "Equal"
    if key and key != taint.key:
        return False
    if operator == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == taint.value


def _fulfils(node: Node, term: Manifest) -> bool:
    """An empty term chooses no node."""
    labels = [_holds(each, node.labels) for each in term.get("matchExpressions") or ()]
    # metadata.name is the only field there is.
    fields = [_holds(each, {"metadata.name": node.name}) for each in term.get("matchFields") or ()]
    return bool(labels or fields) and all(labels) and all(fields)


def _holds(requirement: Manifest, labels: Mapping[str, str]) -> bool:
    operator, key = requirement.get("operator"), str(requirement.get("key"))
    values, found = list(requirement.get("values") or ()), labels.get(key)
    if operator == "Exists":
        return found is not None
    if operator == "DoesNotExist":
        return found is None
    if operator == "NotIn":
        return found not in values
    if operator == "In":
        return found in values
    return _compares(str(operator), found, values)


def _compares(operator: str, found: str | None, values: Sequence[str]) -> bool:
    """Gt and Lt, of whole numbers; what is none does not hold."""
    try:
        number, bound = int(found or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return number > bound if operator == "Gt" else operator == "Lt" and number < bound
