"""How long a rollout takes, as far as that is known before it begins: a sum with its parts. Pure."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.cli.objects import InputError
from deepseek_operator.cli.peaks import Planned
from deepseek_operator.sizing import loading

FETCH_BYTES_PER_SECOND = 500e6
"""Assumed: what a line of 4 Gbit/s brings."""

Way = Literal["First", "BlueGreen", "Canary", "Replace", "None"]
"""How a revision comes: First where nothing serves, None where none does."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is there of the weights, in bytes."""

    done: int = 0
    is_complete: bool = False
    per_second: int | None = None
    """As a fetch that is under way measures it."""


_NOTHING = Fetched()


@dataclass(frozen=True, slots=True)
class Known:
    """What a cluster or the command line tells beside the object."""

    fetched: Fetched = _NOTHING
    fetch_rate: float | None = None
    start_seconds: float | None = None
    warmup_seconds: float | None = None
    """The longest of the object's last warm-ups."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that takes time; without seconds it is not known how much."""

    name: str
    seconds: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Time:
    """The parts, one after the other."""

    way: Way
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    """What is not counted."""

    @property
    def seconds(self) -> float:
        """Of the parts that are known."""
        return sum(part.seconds for part in self.parts if part.seconds is not None)

    @property
    def is_complete(self) -> bool:
        """Whether all parts are known."""
        return all(part.seconds is not None for part in self.parts)


def fetch_rate(text: str | None) -> float | None:
    """Bytes a second, of 500MB/s and the like."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([kMG]?)B/s", text)
    if match is None or not float(match[1]):
        raise InputError(f"--fetch-rate: {text}: write it as 500MB/s or 1.2GB/s")
    return float(match[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[match[2]]


def start_time(text: str | None) -> float | None:
    """Seconds, of 90s, 5m or 1h30m."""
    if text is None:
        return None
    match = re.fullmatch(r"(?=[0-9])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", text)
    if match is None:
        raise InputError(f"--start-time: {text}: write it as 90s, 5m or 1h30m")
    hours, minutes, seconds = (int(one or 0) for one in match.groups())
    return float(3600 * hours + 60 * minutes + seconds)


def time(
    planned: Planned,
    spec: DeepSeekDeploymentSpec,
    *,
    way: Way,
    known: Known,
    first: Planned | None = None,
    of_first: Fetched = _NOTHING,
) -> Time:
    """Of the revision that the spec asks for; of who stands in for it nothing is waited for.

    Nothing of it starts before what the first rollout begins with (`first`) serves.
    """
    if way == "None":
        return Time(way, notes=("no revision is rolled out",))
    if not spec.replicas:
        return Time(way, notes=("spec.replicas is 0: nothing starts",))
    parts = _until_it_answers(planned, spec, known)
    if way == "Canary":
        parts += _course(planned, spec)
    notes = list(_notes(spec, way, parts))
    if first is not None:
        begins = _until_it_answers(first, spec, replace(known, fetched=of_first))
        if _weights(first) == _weights(planned) and parts[0].seconds:
            parts[0] = Part("fetch", 0.0, "the same weights as those of rollout.from")
        parts = [*(replace(one, name=f"from: {one.name}") for one in begins), *parts]
        notes.append("rollout.from comes first, and is of the first rollout alone")
    return Time(way, tuple(parts), tuple(notes))


def _until_it_answers(planned: Planned, spec: DeepSeekDeploymentSpec, known: Known) -> list[Part]:
    return [_fetch(planned, known), _start(planned, known), *_warmup(spec, known)]


def _weights(planned: Planned) -> tuple[object, ...]:
    """What is fetched, and into which kind of volume."""
    serving, sized = planned.block.serving, planned.sized
    published = sized.question.model_name, sized.setting.scheme.checkpoint
    return serving.cache, serving.source or published


def _fetch(planned: Planned, known: Known) -> Part:
    source = planned.block.serving.source
    if (source or "").startswith("pvc://"):
        return Part("fetch", 0.0, "the weights are in a volume of yours")
    if known.fetched.is_complete:
        return Part("fetch", 0.0, "the weights are fetched already")
    size = loading.loaded_bytes(planned.sized)
    left = max(0.0, size - known.fetched.done)
    what = f"{left / 1e9:.3g} GB"
    if known.fetched.done:
        what += f" of {size / 1e9:.3g} GB"
    if source is not None:
        what += ", if the source holds as much as the published weights,"
    if known.fetch_rate is None and known.fetched.per_second:
        rate, why = float(known.fetched.per_second), "as the fetch measures it"
    elif known.fetch_rate is None:
        rate, why = FETCH_BYTES_PER_SECOND, "assumed; --fetch-rate says another"
    else:
        rate, why = known.fetch_rate, "--fetch-rate"
    return Part("fetch", left / rate, f"{what} at {rate / 1e6:,.0f} MB/s ({why})")


def _start(planned: Planned, known: Known) -> Part:
    if known.start_seconds is not None:
        return Part("start", known.start_seconds, "--start-time")
    size = loading.loaded_bytes(planned.sized)
    why = (
        f"{size / 1e9:.3g} GB read at {loading.LOAD_BYTES_PER_SECOND / 1e6:.0f} MB/s and {loading.START_SECONDS // 60} min to "
        "compile, half of what its start-up probe allows (assumed: slow storage; --start-time says another)"
    )
    return Part("start", float(loading.loading_seconds(size)), why)


def _warmup(spec: DeepSeekDeploymentSpec, known: Known) -> Iterator[Part]:
    if not spec.warmup.enabled:
        return
    if known.warmup_seconds is not None:
        yield Part("warm-up", known.warmup_seconds, "as long as the last ones of this object took")
        return
    limit = spec.warmup.seconds // 60
    yield Part("warm-up", None, f"not known before the first; at most {limit} min (warmup.timeout)")


def _course(planned: Planned, spec: DeepSeekDeploymentSpec) -> Iterator[Part]:
    """The steps of a Canary, and its decision."""
    # What most plans do without.
    from deepseek_operator import comparison  # noqa: PLC0415
    from deepseek_operator.rollout import estimate  # noqa: PLC0415

    plan = comparison.plan_of(
        spec.rollout,
        candidate=None,
        stable=None,
        known={},
        has_gateways=spec.gateway.provider == "Embedded",
        replaces=False,
    )
    rate = planned.block.workload.requests_per_second
    course = estimate.course(plan, rate)
    seen = "minDuration" if rate is None else f"minDuration, and minRequests at {rate:g} requests/s"
    if plan.mirror is not None:
        yield Part(
            "mirror", course.mirror, f"copies of {plan.mirror.percent} % of the requests: {seen}"
        )
    for number, (step, seconds) in enumerate(zip(plan.steps, course.steps, strict=True), start=1):
        yield Part(f"step {number}", seconds, f"{step.weight} % of the requests: {seen}")
    if course.decision is None:
        why = "of these requests none comes"
        if rate is None:
            why = (
                "not known without a rate: set workload.requestsPerSecond, or --requests-per-second"
            )
        yield Part("decision", None, why)
    else:
        why = (
            f"more than the last step, until enough of {rate:g} requests/s were seen, if none fails"
        )
        yield Part("decision", course.decision, why)


def _notes(spec: DeepSeekDeploymentSpec, way: Way, parts: Sequence[Part]) -> Iterator[str]:
    """Of the revision's own parts."""
    rollout = spec.rollout
    yield "not counted: nodes that have to be made, pulling of images, and the change-over itself"
    if way == "Replace":
        seconds = sum(part.seconds or 0.0 for part in parts if part.name in ("start", "warm-up"))
        drain = rollout.drain_timeout or "15m"
        yield (
            f"nobody but spec.fallback answers for about {spoken(seconds)} of it (start and warm-up), after running answers "
            f"have ended (at most {drain})"
        )
    if way != "Canary":
        return
    paused = [str(number) for number, step in enumerate(rollout.steps, start=1) if step.pause]
    if paused:
        yield f"it waits for an approval after step {', '.join(paused)}, which is not counted"
    if rollout.auto_promote is False:
        yield "its promotion waits for an approval (rollout.autoPromote), which is not counted"
    if rollout.paused:
        yield "spec.rollout.paused holds it, which is not counted"


def spoken(seconds: float) -> str:
    """90 s, 12 min, 1 h 25 min; whatever is not nothing is a second."""
    whole = math.ceil(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
