"""`kubectl deepseek`: plans before anything is applied, and what a rollout does and may be asked.

Nothing but the command line is read here: each verb imports what it needs, so that none waits for another's libraries.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from deepseek_operator.cli.parsing import Parser

HELP: Mapping[str, str] = {
    "approve": "let a step with a pause, or the promotion, go on",
    "promote": "all requests to the new revision now, whatever the evidence; not without its pods",
    "abort": "back to the revision before, from wherever the Canary is",
    "rollback": "back to the revision before, while it is kept after a promotion",
    "retry": "try once more what was rolled back",
}
"""What may be asked of a rollout."""

TASKS: Mapping[str, str] = {
    "chat": "conversations and questions of all kinds",
    "reasoning": "questions that take several steps",
    "math": "problems of mathematics",
    "code": "programs, in one answer",
    "agents": "work in many steps with tools",
}
"""What a model may be wanted for."""

QUANTIZATIONS = ("auto", "none", "fp8", "int8", "int4-awq", "nvfp4", "w4afp8")
"""Forms of the weights, as spec.quantization has them."""

SETTABLE: Mapping[str, str] = {
    "tensor": "GPUs that share each matrix",
    "pipeline": "stages of layers",
    "data": "ranks that attend for requests of their own",
    "contextTokens": "of the longest request",
    "memoryShare": "of a GPU, from 0 to 1",
    "cacheType": "bf16 or fp8",
    "mtpTokens": "that a step drafts",
    "decodeTimes": "measured over computed, as status.sizing.measured has it",
}
"""What --set takes, and what it is."""

_CODES = """exit codes of status: 0 as the spec asks, 1 rolled back or not servable, 2 under way, 3 a person is needed
exit codes of plan:   0 fits, 1 cannot be served, the API server refuses it, or the file is wrong,
                      2 the command line is wrong, 3 can be served, but with too few accelerators or replicas, without room for
                      its rollout, or beyond a latency target
exit codes of advise: 0 a model can be served as asked, 1 none runs there or an option is wrong, 2 the command line
                      is wrong, 3 some run there, but none as asked
exit codes of others: 0 done, 1 not done, 2 the command line is wrong"""

_OFFLINE = ("plan", "models", "accelerators")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    return parser().parse_args(arguments)


def parser() -> Parser:
    """Every verb with its arguments."""
    root = Parser(
        prog="kubectl deepseek",
        description="Advises on models, plans a DeepSeekDeployment, shows what its rollout does, and asks things of it.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_cluster(root, default=None)
    verbs = root.add_verbs()
    _add_advise(verbs.add("advise", "which model for a task, and how it would be served"))
    _add_plan(verbs.add("plan", "what an object needs and can do, and whether it fits"))
    for kind in ("models", "accelerators"):
        _add_catalog(verbs.add(kind, f"the {kind} of the catalog"))
    status = verbs.add("status", "what serves, what is asked for, and how far it is")
    _add_name(status)
    status.add_argument("-w", "--watch", action="store_true", help="until nothing is under way")
    _add_output(status)
    explain = verbs.add("explain", "what was derived of the desired revision, and why")
    _add_name(explain)
    _add_output(explain)
    for verb, text in HELP.items():
        _add_name(verbs.add(verb, text))
    _add_name(verbs.add("pause", "hold a Canary where it is"))
    _add_name(verbs.add("resume", "let it go on"))
    return root


def _add_cluster(parser: Parser, *, default: str | None) -> None:
    """Before the verb or behind it, as with kubectl; `default` of a verb leaves alone what was said before it."""
    add = parser.add_argument
    add("--kubeconfig", default=default, help="file; default: $KUBECONFIG, or ~/.kube/config")
    add("--context", default=default, help="context of it; default: the current one")
    add("-n", "--namespace", default=default, help="default: the context's")


def _add_name(parser: Parser) -> None:
    _add_cluster(parser, default=argparse.SUPPRESS)
    parser.add_argument("name", help="of the DeepSeekDeployment")


def _add_output(parser: Parser) -> None:
    parser.add_argument(
        "-o", "--output", choices=("table", "json", "yaml"), default="table", help="default: table"
    )


def _add_catalog(parser: Parser) -> None:
    _add_output(parser)
    parser.add_argument(
        "--catalog",
        action="append",
        default=[],
        metavar="FILE",
        help="more entries, or other values of known ones (prices): a YAML document with models, "
        "accelerators and engines, or a ConfigMap of such documents",
    )


def _add_plan(parser: Parser) -> None:
    _add_cluster(parser, default=argparse.SUPPRESS)
    _add_catalog(parser)
    add = parser.add_argument
    add("-f", "--filename", required=True, help="of the DeepSeekDeployment; - is standard input")
    _add_accelerators(
        parser, otherwise="; default: what the nodes of the cluster have, and what of it is free"
    )
    add(
        "--quantization",
        help=f"{', '.join(QUANTIZATIONS[:-1])} or {QUANTIZATIONS[-1]}; default: spec's, or auto",
    )
    _add_load(parser, default="spec.workload's, or ", rate="derives the replicas")
    _add_rdma(parser)
    add(
        "--diff",
        action="store_true",
        help="compare with what runs in the cluster, though --accelerators says what there is",
    )
    add(
        "--children",
        action="store_true",
        help="also the objects that the operator makes of it; always, where the cluster is asked",
    )
    add("--fetch-rate", metavar="500MB/s", help="of the source of the weights; default: 500MB/s")
    add(
        "--start-time",
        metavar="5m",
        help="of one engine, until it answers; default: by the size of the weights",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"what would be if a derived value were this one: {', '.join(SETTABLE)} (measured over computed, as "
        "status.sizing.measured has it)",
    )


def _add_advise(parser: Parser) -> None:
    add = parser.add_argument
    told = "; ".join(f"{name}: {text}" for name, text in TASKS.items())
    add("task", choices=tuple(TASKS), metavar="TASK", help=f"what it is for. {told}")
    _add_catalog(parser)
    _add_accelerators(parser, otherwise="")
    # The context of a kubeconfig is another thing, which advice has no use for.
    add(
        "--context-tokens",
        type=int,
        metavar="32768",
        help="of the longest request, question and answer; default: 20000, or an average request if that is longer",
    )
    add("--budget", type=float, metavar="60", help="US dollars an hour, at most; default: no limit")
    _add_load(parser, default="", rate="default: one replica, whatever it does")
    _add_rdma(parser)


def _add_rdma(parser: Parser) -> None:
    parser.add_argument(
        "--rdma",
        action="store_true",
        help="GPUs of different nodes exchange by RDMA, as multiNode.rdma of the chart says to the operator; default: "
        "they do not",
    )


def _add_accelerators(parser: Parser, *, otherwise: str) -> None:
    """`otherwise` is what is meant where none are given; empty: they have to be."""
    parser.add_argument(
        "--accelerators",
        action="append",
        default=[],
        required=not otherwise,
        metavar="16xH200:8",
        help=f"what there is: 16 H200 in nodes of 8; may be given more than once{otherwise}",
    )
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="H200=3.5",
        help="US dollars a GPU and hour; default: the catalog's placeholder",
    )


def _add_load(parser: Parser, *, default: str, rate: str) -> None:
    add = parser.add_argument
    add("--input-tokens", type=int, help=f"of a request, on average; default: {default}1024")
    add("--output-tokens", type=int, help=f"of an answer, on average; default: {default}256")
    add("--requests-per-second", type=float, help=rate)
    add("--time-to-first-token", metavar="800ms", help="the longest that is fine")
    add(
        "--time-per-output-token",
        metavar="50ms",
        help=f"the longest that is fine; default: {default}100ms",
    )


def main() -> int:
    """One command; errors in one sentence."""
    return quietly(_main)


def quietly(command: Callable[[], int]) -> int:
    """The command's exit code, though whoever reads may leave before the end, as `head` does."""
    try:
        try:
            return command()
        finally:
            # What is buffered is written here, and not where nobody can catch it.
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED


_PIPE_CLOSED = 128 + 13
"""As a shell has it of a program that SIGPIPE ends."""


def _main() -> int:
    options = parse()
    if options.verb == "advise":
        gc.disable()
        from deepseek_operator.cli import advising  # noqa: PLC0415 - see above

        return advising.run(options)
    if options.verb in _OFFLINE and not _asks_the_cluster(options):
        # It is over before there is anything to collect, and imports make the collector look often.
        gc.disable()
        from deepseek_operator.cli import offline  # noqa: PLC0415 - see above

        return offline.run(options)
    from deepseek_operator.cli import live  # noqa: PLC0415 - see above

    return live.connect_and_run(options)


def _asks_the_cluster(options: argparse.Namespace) -> bool:
    """Whether a plan is of the accelerators that there are, or compared with what runs."""
    return options.verb == "plan" and (options.diff or not options.accelerators)


if __name__ == "__main__":
    sys.exit(main())
