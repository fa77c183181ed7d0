"""The product that a block means which names none: the one that the nodes have which its pods may run on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from deepseek_operator.capacity import nodes
from deepseek_operator.capacity.nodes import Node, Product
from deepseek_operator.capacity.placing import Placement, keeps_off
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.catalog.accelerators import Accelerator

_MOST = 4
"""Products that are named: a status has room for so many."""


@dataclass(frozen=True, slots=True)
class Found:
    """One product on the nodes that pods may run on."""

    product: Product
    node_sizes: tuple[int, ...]
    """Accelerators of each of these nodes, the largest first."""


def only_product(
    cluster: Cluster, placement: Placement, known: Mapping[str, Accelerator]
) -> Found | str:
    """The product, if it is one alone; otherwise why not, in words, with the choices.

    Best fit is no rule: of several products the cheapest, the fastest and the one that is free are different ones, and
    which of them is meant is a person's choice. Nodes without room now count: what is free changes, what there is hardly.
    """
    if cluster.unread:
        return cluster.unread
    there = [
        node for node in cluster.nodes if node.accelerators and keeps_off(node, placement) is None
    ]
    if not there:
        return "no node that these pods may run on has whole GPUs now"
    unknown = sorted({nodes.called(node, known) for node in there if _choices(node, known) == {}})
    if unknown:
        return (
            f"these pods may run on nodes with {unknown[0]}, which is no whole GPU of the catalog"
        )
    shared = [product for product in _products(there[0], known) if _all_have(there, product)]
    if shared:
        sizes = sorted((node.accelerators for node in there), reverse=True)
        return Found(shared[0], tuple(sizes))
    values = sorted({_first(node, known).value for node in there})
    more = f" and {len(values) - _MOST} others" if len(values) > _MOST else ""
    return f"these pods may run on nodes with {' and with '.join(values[:_MOST])}{more}"


def _products(node: Node, known: Mapping[str, Accelerator]) -> list[Product]:
    return list(_choices(node, known).values())


def _choices(node: Node, known: Mapping[str, Accelerator]) -> dict[str, Product]:
    """By label; none for parts of GPUs."""
    if node.is_divided:
        return {}
    return {found.label: found for found in nodes.products_of(node, known)}


def _first(node: Node, known: Mapping[str, Accelerator]) -> Product:
    return _products(node, known)[0]


def _all_have(there: list[Node], product: Product) -> bool:
    """Pods are tied to nodes by one label with one value."""
    return all(node.labels.get(product.label) == product.value for node in there)
