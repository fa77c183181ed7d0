"""In which form weights are served: what model, engine and accelerator allow together, and what is best of it."""

from collections.abc import Mapping, Sequence
from typing import get_args

from deepseek_operator.catalog.accelerators import Accelerator, Format
from deepseek_operator.catalog.engines import Support
from deepseek_operator.catalog.facts import nearest
from deepseek_operator.catalog.models import Checkpoint, Model, Quantization
from deepseek_operator.sizing.terms import (
    CannotRunError,
    OtherProductError,
    Question,
    Scheme,
)

NAMES: tuple[Quantization, ...] = get_args(Quantization)
FIELD = "quantization"

_BYTES: Mapping[str, float] = {
    "none": 2.0,
    # A scale in FP32 for 128 x 128 weights.
    "fp8": 1 + 4 / 128**2,
    # A scale in FP32 a channel, which is nothing.
    "int8": 1.0,
    # A scale in BF16 for 128 weights.
    "int4-awq": 0.5 + 2 / 128,
    # A scale in FP8 for 16 weights.
    "nvfp4": 0.5 + 1 / 16,
    # A scale in BF16 for 128 weights.
    "w4afp8": 0.5 + 2 / 128,
}
"""Bytes of a weight with its scales."""

_SMALL = 2_000_000_000
"""Below so many parameters 8 bits save little, as a quarter of them are tables that stay in BF16, and cost most."""

_BY_LOSS: tuple[Quantization, ...] = ("none", "fp8", "int8", "nvfp4", "w4afp8", "int4-awq")
"""From no loss to most (arXiv:2504.04823; model cards of RedHatAI)."""


_LITTLE_LOSS: Quantization = "nvfp4"
"""Up to here auto takes each form first on some product: which of them is best depends on that alone."""


def loss(name: str) -> int:
    """How much a form loses, on whatever product; 0: hardly anything, so that they are as good as each other."""
    return max(0, _BY_LOSS.index(_named(name)) - _BY_LOSS.index(_LITTLE_LOSS))


def choices(question: Question) -> list[Scheme]:
    """The schemes to try, best first; CannotRunError where what is asked for cannot run."""
    asked = question.overrides.quantization
    if asked == "auto":
        return _preferred(question)
    if asked not in NAMES:
        close = nearest(asked, NAMES, count=1)[0]
        raise CannotRunError(
            FIELD, f"{asked} is unknown; did you mean {close}? Known: auto, {', '.join(NAMES)}"
        )
    wanted = _form(question.model, asked)
    reason = refusal(question, wanted)
    if reason is not None:
        other = _nearest(question, wanted)
        if other is not None:
            raise CannotRunError(FIELD, f"{reason}. Nearest that works: {FIELD}: {other}")
        product = question.pool.product
        raise OtherProductError(
            FIELD,
            f"{reason}. No other form of {question.model_name} runs on {product} either: use another product",
        )
    return [_scheme(question, wanted, why=f"{FIELD}: {asked} is set")]


def support(question: Question, scheme: str) -> Support:
    """How the engine runs a scheme that was chosen."""
    return next(found for name, found in question.engine.quantizations.items() if name == scheme)


def is_form_open(question: Question) -> bool:
    """Whether the source is the user's and nothing says its form: it is reckoned with as the published one."""
    asked = question.overrides
    return asked.own_source and asked.quantization == "auto"


def refusal(question: Question, name: Quantization) -> str | None:
    """Why a quantisation cannot run, or None."""
    return _hardware_refusal(question, name) or _weights_refusal(question, name)


def _hardware_refusal(question: Question, name: Quantization) -> str | None:
    """Why an engine does not compute in a form on an accelerator, or None."""
    engine, support = question.engine, question.engine.quantizations.get(name)
    accelerator, product = question.pool.accelerator, question.pool.product
    if support is None:
        return f"{engine.name} {engine.version} does not load {name}"
    compute = accelerator.compute_capability
    has = f"{product} ({accelerator.architecture}) has {compute:g}"
    if compute < support.minimum_compute:
        return f"{name} needs compute capability {support.minimum_compute:g} or newer and {has}"
    if support.below_compute is not None and compute >= support.below_compute:
        return f"{engine.name} {engine.version} runs {name} below compute capability {support.below_compute:g} and {has}"
    return None


def _weights_refusal(question: Question, name: Quantization) -> str | None:
    """Why there are no weights in a form, or None; of a source of one's own it is the form that is said."""
    model, engine = question.model, question.engine
    is_said = question.overrides.own_source and not engine.converts
    if is_said or name in _native(model) or _checkpoint(question, name) is not None:
        return None
    if model.dtype == "fp8":
        return (
            f"{question.model_name} is published in FP8 and the catalog has no {name} checkpoint of it for "
            f"{engine.name}"
        )
    if engine.quantizations[name].online is None:
        return (
            f"{engine.name} {engine.version} makes {name} of no BF16 checkpoint, and the catalog has no {name} "
            f"checkpoint of {question.model_name} for it"
        )
    return None


def _preferred(question: Question) -> list[Scheme]:
    """What auto tries: the best that runs first, then smaller forms for when that does not fit."""
    order = _order(question.model, question.pool.accelerator)
    if question.overrides.own_source:
        # What it holds is not known: it is taken for what is published, and not converted unasked.
        order = _native(question.model)
    runs: list[Quantization] = [
        name
        for name in order
        if refusal(question, name) is None and not _has_to_be_named(question, name)
    ]
    if not runs:
        reason = refusal(question, order[0])
        product = question.pool.product
        raise OtherProductError(
            "accelerator",
            f"no form of {question.model_name} runs on {product} with {question.engine.name}: {reason}; "
            "use another product, or a source with a checkpoint that it runs",
        )
    return [
        _scheme(question, name, why=_why(question, name, first=order[0], best=runs[0]))
        for name in runs
    ]


def _has_to_be_named(question: Question, name: Quantization) -> bool:
    """Whether its only weights are somebody's whom nobody chose who did not name the form."""
    found = _checkpoint(question, name)
    return found is not None and found.named_only


def _order(model: Model, accelerator: Accelerator) -> Sequence[Quantization]:
    """Preferences by model and hardware."""
    if model.dtype == "fp8":
        blackwell = "fp4" in accelerator.teraflops
        return ("nvfp4", "fp8", "int4-awq") if blackwell else ("fp8", "w4afp8", "int4-awq")
    if model.parameters < _SMALL:
        return ("none", "fp8", "int8", "int4-awq")
    if "fp8" in accelerator.teraflops:
        return ("fp8", "int4-awq", "none")
    return ("int8", "int4-awq", "none")


def _why(question: Question, name: str, *, first: str, best: str) -> str:
    product = question.pool.product
    if question.overrides.own_source:
        return "as the source that is set has it"
    if name != best:
        return f"{best} does not fit on {product}; {name} is the next to try"
    if name == "none":
        small = question.model.parameters < _SMALL
        return _WHY_SMALL if small else "published in BF16, and no smaller form of it runs here"
    if name in _native(question.model):
        return "published in FP8, the form it was trained in"
    known = _WHY.get(name, "{first} does not run here; {name} is the nearest that does")
    return known.format(product=product, first=first, name=name)


_WHY_SMALL = "published in BF16, and so small that 8 bits would save little and cost most"
_WHY: Mapping[str, str] = {
    "nvfp4": "{product} computes in 4 bits, and a published checkpoint reads half the bytes of FP8",
    "int8": "{product} does not compute in FP8; INT8 halves what decode reads, with no measurable loss",
    "fp8": "{product} computes in FP8, which halves what decode reads, with no measurable loss",
}


def _nearest(question: Question, wanted: Quantization) -> Quantization | None:
    """The form nearest to what was wanted that runs: by bytes, then by loss."""
    runs: list[Quantization] = [
        name
        for name in _BY_LOSS
        if name != wanted
        and refusal(question, name) is None
        and _form(question.model, name) == name
    ]
    return min(
        runs,
        key=lambda name: (abs(_BYTES[name] - _BYTES[wanted]), _BY_LOSS.index(name)),
        default=None,
    )


def _form(model: Model, asked: str) -> Quantization:
    """`none` is the published form, which for a model in FP8 is fp8."""
    native = _native(model)[0]
    return native if asked == "none" else _named(asked)


def _named(text: str) -> Quantization:
    return next(name for name in NAMES if name == text)


def _native(model: Model) -> tuple[Quantization, ...]:
    return ("fp8",) if model.dtype == "fp8" else ("none",)


def _checkpoint(question: Question, name: Quantization) -> Checkpoint | None:
    if question.overrides.own_source:
        return None
    found = question.model.checkpoints.get(name)
    if found is None or question.engine.name not in found.engines:
        return None
    below = question.engine.quantizations[name].checkpoints_below_compute
    runs = below is None or question.pool.accelerator.compute_capability < below
    return found if runs else None


def _scheme(question: Question, name: Quantization, *, why: str) -> Scheme:
    model, support = question.model, question.engine.quantizations[name]
    checkpoint = None if name in _native(model) else _checkpoint(question, name)
    online = support.online if name not in _native(model) and checkpoint is None else None
    computed = _computed(support, online=online is not None)
    # Of a model with experts only they are in 4 bits by these; the rest stays as it is published.
    only_experts = name in ("nvfp4", "w4afp8") and model.experts is not None
    rest: Quantization = "fp8" if only_experts and model.dtype == "fp8" else name
    return Scheme(
        name=name,
        expert_bytes=_BYTES[name],
        linear_bytes=_BYTES[rest],
        expert_format=computed,
        linear_format=question.engine.quantizations[rest].computes_in if rest != name else computed,
        flag=online,
        checkpoint=checkpoint.repository if checkpoint else None,
        why=why,
    )


def _computed(support: Support, *, online: bool) -> Format:
    if online and support.online_computes_in is not None:
        return support.online_computes_in
    return support.computes_in


def engine_refusal(question: Question) -> str | None:
    """Why an engine does not run a model on an accelerator in any form, or None."""
    engine, accelerator = question.engine, question.pool.accelerator
    architecture, compute = question.model.architecture, accelerator.compute_capability
    least = max(engine.minimum_compute, engine.unsupported.get(architecture, 0.0))
    beyond = engine.unsupported_from.get(architecture)
    if beyond is not None and compute >= beyond:
        return (
            f"{engine.name} {engine.version} is not known to run {question.model_name} from compute capability "
            f"{beyond:g} on, and {question.pool.product} has {compute:g}"
        )
    if compute >= least:
        return None
    return (
        f"{engine.name} {engine.version} runs {question.model_name} from compute capability {least:g} on, and "
        f"{question.pool.product} has {accelerator.compute_capability:g}"
    )
