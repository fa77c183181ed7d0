"""What the operator tells a gateway: which revision gets how many of the requests, and the limits. Pure."""

import json
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

FORMAT = 1

_MOST_REVISIONS = 64
_MOST_PODS = 100_000
_REVISION = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""As names of objects are in Kubernetes; what else Envoy would read into it stands in none."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_LONGEST_TEXT = 256
_MOST_PER_MINUTE = 2**31
_MOST_COPIES = 1024
_WEEK_SECONDS = 7 * 24 * 3600


class DocumentError(ValueError):
    """The document cannot be followed; the text names the field."""


class When(StrEnum):
    """What lets a request go on to a fallback."""

    UNAVAILABLE = "Unavailable"
    """No pod of the revision can be reached."""
    OVERLOADED = "Overloaded"
    """It refuses: 429 or 503."""
    TIMEOUT = "Timeout"
    """No first token in time."""


@dataclass(frozen=True, slots=True)
class Route:
    """A share of the requests, and who answers them."""

    revision: str
    weight: int
    """Percent, 1 to 100."""
    then: tuple[str, ...] = ()
    """Revisions that answer instead, in order, before the first byte was sent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What no request exceeds; times in seconds."""

    body_bytes: int = 4 * 1024 * 1024
    requests_per_pod: int = 1024
    """Requests at once, queued in the engine or running; more are refused with 429."""
    first_token_seconds: float = 60.0
    """Of a stream; the engine counts it, for it knows which requests are streams."""
    response_seconds: float = 600.0
    """Until the first byte of any answer."""
    between_tokens_seconds: float = 60.0
    """Longest silence of an answer that has begun."""


@dataclass(frozen=True, slots=True)
class LongRequests:
    """From which size on a request is long, and how many such an engine may have at once."""

    from_bytes: int
    """Of a request's body."""
    most: int | None = None
    """None: as many as each engine's replica was sized for."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """Copies of users' requests, whose answers nobody reads."""

    revision: str
    """Who gets them."""
    percent: int
    """Of the requests that may be copied, 1 to 100."""
    most: int
    """Copies at once; what would be more is not made."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What becomes of requests that find no replica: they wait for one."""

    requests: int
    """At once, at this gateway's pod; more are refused with 429."""
    seconds: float
    """Then a request is refused with 503."""


class AccessLog(StrEnum):
    """Of which requests a line is written."""

    ALL = "All"
    FAILURES = "Failures"
    OFF = "Off"


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How many requests a client may make in a minute, at each gateway's pod."""

    each: int | None = None
    """Of whom nothing else is said; None for any number."""
    of: Mapping[str, int] = field(default_factory=dict)
    """Of these, whatever is said of each."""


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where spans of requests are sent, and of how many."""

    host: str
    port: int
    percent: float
    """Of the requests that come without a trace, 0 to 100."""
    service: str
    """Who says that it made them."""
    namespace: str


@dataclass(frozen=True, slots=True)
class Document:
    """All that an agent is told."""

    version: str
    """Any text; it is acknowledged as it is."""
    served_name: str
    routes: tuple[Route, ...] = ()
    """Weights sum to 100; none is 0. No route: nobody is served."""
    replicas: Mapping[str, int] = field(default_factory=dict)
    """Of each revision with pods, how many there are to be; a pinned request may ask for any."""
    pins: bool = False
    """Whether requests may ask for a revision."""
    sticky_header: str | None = None
    """Requests with equal values of it go to one revision."""
    fallback_on: frozenset[When] = frozenset(When)
    limits: Limits = field(default_factory=Limits)
    clients: ClientLimits = field(default_factory=ClientLimits)
    access_log: AccessLog = AccessLog.ALL
    shut: str = ""
    """What clients are told where there is no route, if the operator says why."""
    mirror: Mirror | None = None
    """None: no copies are made."""
    long: LongRequests | None = None
    """None: requests of all sizes are alike."""
    hold: Hold | None = None
    """None: who finds no replica is refused at once."""
    tracing: Tracing | None = None
    """None: no spans are made; `traceparent` of requests is passed on as it is."""


def parse(text: str) -> Document:
    """The document of this JSON; DocumentError names the field that is wrong."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
        return _document(data)
    except DocumentError:
        raise
    except KeyError as error:
        raise DocumentError(f"{error.args[0]}: missing") from error
    except (TypeError, AttributeError, ValueError, RecursionError) as error:
        # Too deep, too many digits, or no JSON at all.
        raise DocumentError(f"not a gateway document: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise DocumentError(f"{name} is no number")


def _document(data: dict[str, Any]) -> Document:
    """Fields of its format that are not known are passed over: they came with a newer operator."""
    if data["format"] != FORMAT:
        raise DocumentError(
            f"format: {_shown(data['format'])}, and this agent reads {FORMAT}: its pod needs the image of "
            "the operator that writes it"
        )
    routes = tuple(_route(item) for item in _few("routes", data["routes"], list))
    _check_weights(routes)
    replicas = _few("replicas", data.get("replicas", {}), dict)
    return Document(
        version=_text("version", data["version"]),
        served_name=_text("servedName", data["servedName"]),
        routes=routes,
        replicas={
            _revision("replicas", key): _whole(f"replicas: {key}", count, 0, _MOST_PODS)
            for key, count in replicas.items()
        },
        pins=_truth("pins", data.get("pins", False)),
        sticky_header=_header(data.get("stickyHeader")),
        fallback_on=_conditions(data.get("fallbackOn", list(When))),
        limits=_limits(_few("limits", data.get("limits", {}), dict)),
        clients=_client_limits(data.get("clients", {})),
        access_log=_access_log(data.get("accessLog", AccessLog.ALL)),
        shut=_shut(data.get("shut")),
        mirror=_mirror(data.get("mirror"), replicas, routes),
        long=_long(data.get("longRequests")),
        hold=_hold(data.get("hold")),
        tracing=_tracing(data.get("tracing")),
    )


def _route(item: dict[str, Any]) -> Route:
    then = _few("then", item.get("then", []), list)
    return Route(
        _revision("revision", item["revision"]),
        # What they have to be together is told for all of them at once.
        _whole("weight", item["weight"], -_MOST_PODS, _MOST_PODS),
        tuple(_revision("then", name) for name in then),
    )


def _mirror(given: Any, replicas: Any, routes: tuple[Route, ...]) -> Mirror | None:
    """Of a revision with pods that gets no user's request: whoever does is no candidate any more."""
    if given is None:
        return None
    given = _few("mirror", given, dict)
    revision = _revision("mirror: revision", given["revision"])
    if revision not in replicas:
        raise DocumentError(f"mirror: {revision} is none of replicas")
    if any(revision in (route.revision, *route.then) for route in routes):
        raise DocumentError(f"mirror: {revision} gets users' requests already")
    return Mirror(
        revision,
        _whole("mirror: percent", given["percent"], 1, 100),
        _whole("mirror: most", given["most"], 1, _MOST_COPIES),
    )


def _long(given: Any) -> LongRequests | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise DocumentError(f"longRequests: {_shown(given)} is no limit")
    most = given.get("most")
    return LongRequests(
        _whole("longRequests: fromBytes", given["fromBytes"], 1, 2**30),
        None if most is None else _whole("longRequests: most", most, 1, 1_000_000),
    )


def _hold(given: Any) -> Hold | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise DocumentError(f"hold: {_shown(given)} is no rule")
    return Hold(
        _whole("hold: requests", given["requests"], 1, 1_000_000),
        float(_number("hold: seconds", given["seconds"], 0.001, _WEEK_SECONDS)),
    )


def _tracing(given: Any) -> Tracing | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise DocumentError(f"tracing: {_shown(given)} is no collector")
    return Tracing(
        host=_text("tracing: host", given["host"]),
        port=_whole("tracing: port", given["port"], 1, 65535),
        percent=float(_number("tracing: percent", given["percent"], 0, 100)),
        service=_text("tracing: service", given["service"]),
        namespace=_text("tracing: namespace", given["namespace"]),
    )


def _limits(given: dict[str, Any]) -> Limits:
    """The ranges are those of the object's fields and wider: the operator may widen its own."""
    wholes = {"bodyBytes": ("body_bytes", 2**30), "requestsPerPod": ("requests_per_pod", 1_000_000)}
    times = {
        "firstTokenSeconds": "first_token_seconds",
        "responseSeconds": "response_seconds",
        "betweenTokensSeconds": "between_tokens_seconds",
    }
    read: dict[str, Any] = {}
    for key, (name, most) in wholes.items():
        if key in given:
            read[name] = _whole(key, given[key], 1, most)
    for key, name in times.items():
        if key in given:
            read[name] = float(_number(key, given[key], 0.001, _WEEK_SECONDS))
    return Limits(**read)


def _client_limits(given: Any) -> ClientLimits:
    """Of each client and of some of them, in requests a minute."""
    if not isinstance(given, dict) or not isinstance(given.get("of", {}), dict):
        raise DocumentError(f"clients: {_shown(given)} is no limits")
    each = given.get("requestsPerMinute")
    return ClientLimits(
        None if each is None else _per_minute("clients: requestsPerMinute", each),
        {
            _text("clients: of", name): _per_minute(f"clients: of {_shown(name)}", most)
            for name, most in given.get("of", {}).items()
        },
    )


def _per_minute(name: str, value: Any) -> int:
    return _whole(name, value, 1, _MOST_PER_MINUTE)


def _access_log(name: Any) -> AccessLog:
    if name not in list(AccessLog):
        raise DocumentError(f"accessLog: {_shown(name)} is not one of {', '.join(AccessLog)}")
    return AccessLog(name)


def _shut(given: Any) -> str:
    if given is None:
        return ""
    if not isinstance(given, dict):
        raise DocumentError(f"shut: {_shown(given)} is no reason")
    return _text("shut: reason", given.get("reason"))


def _check_weights(routes: tuple[Route, ...]) -> None:
    weights = [route.weight for route in routes]
    if routes and (sum(weights) != 100 or min(weights) < 1):
        raise DocumentError(f"routes: weights are 1 to 100 and sum to 100, not {_shown(weights)}")
    named = [route.revision for route in routes]
    if len(set(named)) != len(named):
        raise DocumentError(f"routes: a revision stands there twice: {', '.join(named)}")
    for route in routes:
        if route.revision in route.then or len(set(route.then)) != len(route.then):
            raise DocumentError(f"routes: {route.revision} would be tried twice")


def _conditions(named: list[str]) -> frozenset[When]:
    unknown = [name for name in named if name not in list(When)]
    if unknown:
        raise DocumentError(f"fallbackOn: {_shown(unknown[0])} is not one of {', '.join(When)}")
    return frozenset(When(name) for name in named)


def _few(name: str, value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise DocumentError(f"not a gateway document: {name} is {_shown(value)}")
    if len(value) > _MOST_REVISIONS:
        raise DocumentError(
            f"{name}: {len(value)} revisions, and at most {_MOST_REVISIONS} there may be"
        )
    return value


def _revision(field_name: str, value: Any) -> str:
    if not isinstance(value, str) or not _REVISION.fullmatch(value):
        raise DocumentError(f"{field_name}: {_shown(value)} is no name of a revision")
    return value


def _header(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not _HEADER.fullmatch(value)):
        raise DocumentError(f"stickyHeader: {_shown(value)} is no name of a header")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        raise DocumentError(f"{name}: {_shown(value)} is no text of 1 to {_LONGEST_TEXT} signs")
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise DocumentError(f"{name}: {_shown(value)} is neither true nor false")
    return value


def _number(name: str, value: Any, least: float, most: float) -> int | float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise DocumentError(f"{name}: {_shown(value)} is not a number from {least:g} to {most:g}")
    found: int | float = value
    return found


def _whole(name: str, value: Any, least: int, most: int) -> int:
    found = _number(name, value, least, most)
    if not isinstance(found, int):
        raise DocumentError(f"{name}: {_shown(value)} is not a whole number")
    return found


def _shown(value: Any) -> str:
    """What stands there, cut where it is long."""
    return value if isinstance(value, str) and len(value) < 40 else reprlib.repr(value)
