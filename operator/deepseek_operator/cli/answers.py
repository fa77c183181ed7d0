"""What the operator would derive of a block on the accelerators there are, and with what the command line says instead. Pure."""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator import derivation, overriding
from deepseek_operator.api.serving import Batching
from deepseek_operator.catalog import facts
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.cli import owned
from deepseek_operator.cli.objects import InputError, NotSizedError
from deepseek_operator.cli.questions import Block
from deepseek_operator.derivation import Derived
from deepseek_operator.errors import Stalled
from deepseek_operator.sizing.size import Sized, size
from deepseek_operator.sizing.terms import CannotRunError, Layout, Overrides, Pool, Question

SETTABLE: Mapping[str, tuple[str, type]] = {
    "tensor": ("tensor", int),
    "pipeline": ("pipeline", int),
    "data": ("data", int),
    "contextTokens": ("context_tokens", int),
    "memoryShare": ("memory_share", float),
    "cacheType": ("cache_type", str),
    "mtpTokens": ("mtp_tokens", int),
    "decodeTimes": ("decode_times", float),
}
"""What --set takes: the override it is, and its type."""

Answer = Sized | InputError
"""One replica on one pool, or why there is none."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What the command line says in place of an object."""

    quantization: str | None = None
    settings: Sequence[str] = ()
    rdma: bool = False
    has_lengths: bool = False
    """Whether it says how long requests are."""

    @property
    def overrides(self) -> dict[str, Any]:
        """By their names in Overrides; InputError for what cannot be read."""
        given: dict[str, Any] = {}
        if self.quantization is not None:
            given["quantization"] = self.quantization
        for text in self.settings:
            key, is_given, value = text.partition("=")
            if key not in SETTABLE:
                raise InputError(f"--set: {_unknown(key)}")
            if not is_given:
                raise InputError(f"--set: {key}: write {key}=VALUE")
            name, kind = SETTABLE[key]
            # That nothing drafts can be said; there is no replica of no GPUs and no context of no tokens.
            least = 0 if key == "mtpTokens" else 1
            given[name] = _converted(value, kind, f"--set: {key}", least=least)
        if given.get("cache_type") not in (None, "bf16", "fp8"):
            raise InputError(f"cacheType: {given['cache_type']} is unknown; use bf16 or fp8")
        return given

    @property
    def names(self) -> Mapping[str, str]:
        """Options by what sizing calls the values that they say."""
        keys = [text.partition("=")[0] for text in self.settings]
        return {
            **({} if self.quantization is None else {"quantization": "--quantization"}),
            **({"workload": "--input-tokens, --output-tokens"} if self.has_lengths else {}),
            **{key: f"--set {key}" for key in keys},
        }


def _unknown(key: str) -> str:
    """What is meant, if it is like one of them; else what there is, or where an object sets it."""
    near = difflib.get_close_matches(key.lower(), {name.lower(): name for name in SETTABLE}, n=1)
    if near:
        meant = next(name for name in SETTABLE if name.lower() == near[0])
        return f"{key} is unknown; did you mean {meant}?"
    if key in {field.alias for field in Batching.model_fields.values()}:
        return f"{key} is no derived value that can be set here; set batching.{key} in the file"
    return f"{key} is unknown; use one of {', '.join(SETTABLE)}"


def changes_of(options: argparse.Namespace, block: Block) -> Changes:
    """Of a command line; what it sets is of who serves."""
    if block.field != "spec":
        return Changes(rdma=options.rdma)
    return Changes(
        quantization=options.quantization,
        settings=options.set,
        rdma=options.rdma,
        has_lengths=(options.input_tokens, options.output_tokens) != (None, None),
    )


def answers(
    block: Block, pools: Sequence[Pool], *, catalog: Catalog, changes: Changes
) -> list[Answer]:
    """One for each pool that the block may use.

    A replica is as the operator derives it of a product, whichever of its nodes it comes to: so it may not fit a pool.
    """
    _check(block, catalog)
    sizes: dict[str, list[int]] = {}
    for pool in pools:
        sizes.setdefault(pool.product, []).extend(pool.node_sizes)
    derived = {
        product: _derived(block, product, sorted(found, reverse=True), catalog, changes)
        for product, found in sizes.items()
    }
    return [_on(pool, derived[pool.product]) for pool in pools]


def _derived(
    block: Block, product: str, node_sizes: Sequence[int], catalog: Catalog, changes: Changes
) -> Answer:
    overrides = changes.overrides

    def what_if(question: Question) -> Question:
        asked: Overrides = replace(question.overrides, **overrides)
        return replace(question, workload=block.workload, overrides=asked)

    serving, field, rdma = block.serving, block.field, changes.rdma
    try:
        if serving.accelerator.product is not None:
            # Of a product that is named the operator does not look at nodes.
            found = derivation.derive(
                serving, catalog=catalog, field=field, rdma=rdma, what_if=what_if
            )
        else:
            value = catalog.accelerators[product].labels.gpu_operator[0]
            found = derivation.derive_on(
                value,
                node_sizes,
                serving,
                catalog=catalog,
                field=field,
                rdma=rdma,
                what_if=what_if,
            )
    except Stalled as stalled:
        return _refusal(stalled, changes)
    return _of(found, block)


def _refusal(stalled: Stalled, changes: Changes) -> InputError:
    """Named by the option that says what cannot be, else by the object's field."""
    cause = stalled.__cause__
    if isinstance(cause, CannotRunError) and cause.field in changes.names:
        return InputError(f"{changes.names[cause.field]}: {cause.message}")
    return InputError(stalled.message)


def _of(derived: Derived, block: Block) -> Answer:
    if derived.sized is not None:
        return _unservable(derived.sized) or derived.sized
    return NotSizedError(f"{block.field}: the operator derives nothing, as {derived.why_not}")


def _on(pool: Pool, answer: Answer) -> Answer:
    """The replica on these nodes, whatever they are."""
    if isinstance(answer, InputError):
        return answer
    return replace(answer, question=replace(answer.question, pool=pool))


def _check(block: Block, catalog: Catalog) -> None:
    """Refuse what the API server refuses, and do not plan what the operator would not derive."""
    serving = block.serving
    if serving.model not in catalog.models:
        near = ", ".join(facts.nearest(serving.model, catalog.models))
        raise NotSizedError(
            f"{block.field}.model: {serving.model} is not in the catalog (nearest: {near}); add it with --catalog"
        )
    if serving.accelerator.kind == "CPU":
        raise NotSizedError(
            f"{block.field}.accelerator.kind: CPU is not planned for: only GPUs are sized; set kind: GPU, or leave "
            "the plan out"
        )
    refused = owned.refusal(serving.engine)
    if refused is not None:
        raise InputError(f"{block.field}.engine.args: {refused}")
    unknown = overriding.words_of(serving.engine.name).unknown(serving.engine.args)
    if unknown is not None and overriding.is_mistake(unknown):
        # What cannot be read is told by what it would set.
        _read(block)
    if unknown is not None:
        raise NotSizedError(
            f"{block.field}.{unknown}: the operator derives nothing for this block; remove the flag, or leave the plan out"
        )


def _read(block: Block) -> None:
    try:
        overriding.overrides_of(block.serving)
    except CannotRunError as error:
        raise InputError(f"{block.field}.engine.args: {error}") from error


def too_many(block: Block, sized: Sized) -> InputError | None:
    """Why there are no replicas for the block's rate, or None."""
    rate = block.workload.requests_per_second
    if block.replicas is not None or rate is None:
        return None
    # What is observed of clusters comes with it, which most plans do without.
    from deepseek_operator import replicas  # noqa: PLC0415

    said = replicas.too_many(rate, float(sized.rate), field=block.field)
    return None if said is None else InputError(said)


def unasked(block: Block, sized: Sized) -> str | None:
    """That no object asks for a layout that the command line sets, with what it gets; None where one does."""
    layout = sized.layout
    said, found = _of_object(sized)
    if found in (None, layout) or isinstance(found, CannotRunError):
        return None
    return f"{block.field}: no object asks for {layout}: with {said} it gets {found}"


def _unservable(sized: Sized) -> InputError | None:
    """That no object runs on as many GPUs as a layout has that the command line sets; None where one does."""
    said, found = _of_object(sized)
    if not isinstance(found, CannotRunError):
        return None
    return InputError(
        f"--set: no object asks for {sized.layout}: with {said} nothing runs, as {found.message}"
    )


def _of_object(sized: Sized) -> tuple[str, Layout | CannotRunError | None]:
    """What an object says to get as many GPUs as are set, and the layout that it gets; None: no layout is set."""
    asked, layout = sized.question.overrides, sized.layout
    if (asked.tensor, asked.pipeline, asked.data) == (None, None, None):
        return "", None
    count, pool = layout.accelerators, sized.question.pool
    has_experts = sized.question.model.experts is not None
    overrides = replace(
        asked,
        tensor=None,
        pipeline=None,
        data=None,
        accelerators=count,
        attention_ranks=layout.data > 1 if has_experts else None,
    )
    attention = "Ranks" if layout.data > 1 else "Tensor"
    said = f"accelerator.count {count}" + (f" and attention {attention}" if has_experts else "")
    refused = derivation.refusal_of_count(count, pool.product, pool.node_size)
    if refused is not None:
        return said, refused
    pool = replace(pool, count=max(count, pool.node_size))
    try:
        return said, size(replace(sized.question, pool=pool, overrides=overrides)).layout
    except CannotRunError as error:
        return said, error


def _converted(text: str, kind: type, where: str, *, least: int) -> Any:
    try:
        value = kind(text)
    except ValueError:
        raise InputError(f"{where}: {text!r} is no {_KINDS[kind]}") from None
    if kind is int and value < least:
        said = "negative" if value < 0 else "no number above 0"
        raise InputError(f"{where}: {value} is {said}")
    return value


_KINDS: Mapping[type, str] = {int: "whole number", float: "number", str: "text"}
