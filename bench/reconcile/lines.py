"""How much code each operator is, beside the builders that both use."""

import ast
import io
import tokenize
from pathlib import Path

from dev.paths import REPOSITORY

OURS = (
    "__main__", "application", "catalog_files", "controller", "execute", "lease", "logs", "metrics", "observe",
    "observe_children", "observe_groups", "observe_monitors", "observe_nodes", "observe_pods", "observe_routes", "observe_weights",
    "probes", "queue", "reconcile", "report", "settings", "watch", "kube/additions", "kube/client", "kube/drift",
    "kube/errors", "kube/resources", "kube/sharing", "object_metrics",
    "telemetry/bodies", "telemetry/engines", "telemetry/fallbacks", "telemetry/gateways", "telemetry/sleepers",
)  # fmt: skip
"""The modules that the plain operator does without; it uses the rest."""

_LAYOUT = frozenset(
    {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENCODING, tokenize.ENDMARKER,
    }
)  # fmt: skip


def code_lines(source: str) -> int:
    """Lines of Python that are neither blank, comment nor documentation."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _LAYOUT:
            found.update(range(token.start[0], token.end[0] + 1))
    return len(found - _documentation(source))


def _documentation(source: str) -> set[int]:
    """Lines of strings that stand alone: nothing is done with them."""
    return {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def our_lines() -> int:
    """Lines of this operator beside the builders."""
    folder = REPOSITORY / "operator" / "deepseek_operator"
    return sum(code_lines((folder / f"{name}.py").read_text()) for name in OURS)


def plain_lines() -> int:
    """Lines of the plain kopf operator."""
    return code_lines((Path(__file__).parent / "plain_kopf.py").read_text())
