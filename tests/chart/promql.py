"""Expressions of Prometheus: what series they ask for, and what series there are."""

from collections.abc import Iterator
from typing import Any

import promql_parser

from deepseek_operator.metrics import OperatorMetrics
from deepseek_serving.gateway import metrics as gateway_metrics
from dev.monitoring import engine_series

_PARTS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
"""What is appended to a family's name, by its type."""


def exported() -> frozenset[str]:
    """Every series that the operator, a gateway or an engine tells."""
    families = [
        *OperatorMetrics().registry.collect(),
        *gateway_metrics.FAMILIES,
    ]
    ours = {family.name + part for family in families for part in _PARTS[family.type]}
    return frozenset(ours | engine_series.SAMPLES)


def asked_for(expression: str) -> set[str]:
    """The names of the series that an expression asks for; an exception where it is none."""
    return {str(selector.name) for selector in _selectors(promql_parser.parse(expression))}


def named(expression: str) -> list[tuple[str, set[str]]]:
    """The labels that an expression chooses by, and the values that it names of each."""
    return [
        (matcher.name, {value for value in matcher.value.split("|") if value})
        for selector in _selectors(promql_parser.parse(expression))
        for matcher in selector.matchers.matchers
    ]


def _selectors(node: Any) -> Iterator[promql_parser.VectorSelector]:
    """Every selector below a node of a parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    elif isinstance(node, promql_parser.MatrixSelector):
        yield from _selectors(node.vector_selector)
    elif isinstance(node, promql_parser.Call):
        for argument in node.args:
            yield from _selectors(argument)
    elif isinstance(node, promql_parser.BinaryExpr):
        yield from _selectors(node.lhs)
        yield from _selectors(node.rhs)
    elif isinstance(
        node, promql_parser.AggregateExpr | promql_parser.ParenExpr | promql_parser.UnaryExpr
    ):
        yield from _selectors(node.expr)
    elif not isinstance(node, promql_parser.NumberLiteral | promql_parser.StringLiteral):
        raise TypeError(f"{type(node).__name__} is not looked into")
