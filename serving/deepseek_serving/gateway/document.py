"""What the operator tells a gateway: which revision gets how many of the requests, and the limits. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FORMAT = 1


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


def parse(text: str) -> Document:
    """The document of this JSON; DocumentError names the field that is wrong."""
    try:
        data = json.loads(text)
        return _document(data)
    except KeyError as error:
        raise DocumentError(f"{error.args[0]}: missing") from error
    except (TypeError, AttributeError, json.JSONDecodeError) as error:
        raise DocumentError(f"not a gateway document: {error}") from error


def _document(data: dict[str, Any]) -> Document:
    if data["format"] != FORMAT:
        raise DocumentError(f"format: {data['format']!r}, and this agent reads {FORMAT}")
    routes = tuple(
        Route(str(item["revision"]), int(item["weight"]), tuple(item.get("then", ())))
        for item in data["routes"]
    )
    _check_weights(routes)
    limits = data.get("limits", {})
    return Document(
        version=str(data["version"]),
        served_name=str(data["servedName"]),
        routes=routes,
        replicas={str(key): int(count) for key, count in data.get("replicas", {}).items()},
        pins=bool(data.get("pins", False)),
        sticky_header=data.get("stickyHeader"),
        fallback_on=_conditions(data.get("fallbackOn", list(When))),
        limits=Limits(
            **{name: kind(limits[key]) for key, (name, kind) in _LIMITS.items() if key in limits}
        ),
    )


_LIMITS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "bodyBytes": ("body_bytes", int),
    "requestsPerPod": ("requests_per_pod", int),
    "firstTokenSeconds": ("first_token_seconds", float),
    "responseSeconds": ("response_seconds", float),
    "betweenTokensSeconds": ("between_tokens_seconds", float),
}


def _check_weights(routes: tuple[Route, ...]) -> None:
    weights = [route.weight for route in routes]
    if routes and (sum(weights) != 100 or min(weights) < 1):
        raise DocumentError(f"routes: weights are 1 to 100 and sum to 100, not {weights}")
    named = [route.revision for route in routes]
    if len(set(named)) != len(named):
        raise DocumentError(f"routes: a revision stands there twice: {', '.join(named)}")
    for route in routes:
        if route.revision in route.then or len(set(route.then)) != len(route.then):
            raise DocumentError(f"routes: {route.revision} would be tried twice")


def _conditions(named: list[str]) -> frozenset[When]:
    unknown = [name for name in named if name not in list(When)]
    if unknown:
        raise DocumentError(f"fallbackOn: {unknown[0]} is not one of {', '.join(When)}")
    return frozenset(When(name) for name in named)
