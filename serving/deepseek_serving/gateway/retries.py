"""Before the first byte: who is tried again, who answers in whose place, and how Envoy knows why. Pure.

Envoy chooses by cause whether a request is tried again, and by order where: first another pod of the same
revision, where there is one, then the next revision of its chain; never a pod that was tried (`chains.tries`).
"""

from dataclasses import replace

from deepseek_serving.gateway.chains import Tries
from deepseek_serving.gateway.document import Document, Limits, When
from deepseek_serving.gateway.parts import TYPE, Config, duration, set_header

FALLBACK_METADATA = "dsd.fallback"
"""Namespace of what is noted of a request that was not answered at the first try."""
WHY = "why"

_REFUSALS = (429, 503)
_LATE = 504
_BROKEN = 502

CHOICES = 256
"""How often Envoy chooses a pod for the next try before it takes one that was tried already.

Of two pods, one that refuses has the fewest requests and is chosen three times of four, as often as Envoy asks:
0.75 ** 32 is one request in 10,000, which was seen to fail.
"""

PASSED = 421
"""What the place that passes on answers (bootstrap.py): no engine says it, and to Envoy it is no failure of who says it."""

WAITING = Tries(each=False, again=5)
"""Of a request that waits: the place may have to send it on more than once, as Envoy's threads take up pods one by one."""
_MARGIN_SECONDS = 30.0
"""By which Envoy waits longer than the place does, which has the better words."""

_UNSENT = ("connect-failure", "refused-stream", "reset-before-request")
"""Nothing of the request was sent."""
_CONNECTIONS = (*_UNSENT, "reset")

_AGAIN_HEADER = "x-envoy-max-retries"
"""Envoy's to itself, and it takes it off. A route has one policy, and each chain its own length."""

_NOTE = f"""
function envoy_on_response(handle)
  local status = handle:headers():get(":status")
  local why = nil
  if status == "429" or status == "503" then
    why = "{When.OVERLOADED}"
  elseif status == "{_LATE}" then
    why = "{When.TIMEOUT}"
  end
  if why == nil then
    return
  end
  local noted = handle:streamInfo():dynamicMetadata()
  if noted:get("{FALLBACK_METADATA}") == nil then
    noted:set("{FALLBACK_METADATA}", "{WHY}", why)
  end
end
"""
"""Runs on the answer to each try. What it notes is the request's, so it is still there at the next try."""


def noting_filters() -> list[Config]:
    """The filters of a cluster whose requests others may answer."""
    filters = f"{TYPE}.extensions.filters.http"
    return [
        {
            "name": "envoy.filters.http.lua",
            "typed_config": {
                "@type": f"{filters}.lua.v3.Lua",
                "default_source_code": {"inline_string": _NOTE},
            },
        },
        {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {"@type": f"{filters}.upstream_codec.v3.UpstreamCodec"},
        },
    ]


def noted() -> str:
    """What was noted, in Envoy's format strings; nothing for who could not be reached."""
    return f"%DYNAMIC_METADATA({FALLBACK_METADATA}:{WHY})%"


def reason(served: str) -> str:
    """Why another revision answered, in Envoy's format strings; `served` is whose pod it was, in CEL.

    Of whom no answer came at all nothing is noted: there was no pod, or no connection to it.
    """
    metadata = "metadata.filter_metadata"
    why = (
        f"'{FALLBACK_METADATA}' in {metadata} ? {metadata}['{FALLBACK_METADATA}']['{WHY}'] : "
        f"'{When.UNAVAILABLE}'"
    )
    return f"%CEL(xds.cluster_name.startsWith({served}) ? '' : ({why}))%"


def action(document: Document, chain: int, *, again: int) -> Config:
    """What a route says of tries and silences; `chain` is how many revisions may be asked.

    `again` is how often at most a request is tried after the first time.
    """
    policy = _policy(document, chain) if again else _unsent(document)
    limits, tried = document.limits, 1 + again
    if policy.keys() & _patience(limits).keys():
        silence = tried * limits.response_seconds + limits.between_tokens_seconds
    else:
        # Each try but the last ends with a refusal, or with a first token that does not come.
        late = (tried - 1) * limits.first_token_seconds
        silence = max(late + limits.response_seconds, limits.between_tokens_seconds)
    return {
        # An answer ends when it ends; its silences have a limit: this one until it has begun, then a try's. Streams
        # have narrower ones, which the engines keep: they know which requests are streams.
        "timeout": "0s",
        "idle_timeout": duration(silence),
        "retry_policy": {**policy, "num_retries": max(1, again)},
    }


def waiting(document: Document) -> Config:
    """What a route says of requests that wait for a pod: they are tried once there is one, with the time for that.

    Nobody else is asked, and the pod not twice: what it has begun to compute it is not asked again.
    """
    assert document.hold is not None
    limits, held = document.limits, document.hold.seconds + _MARGIN_SECONDS
    longest = replace(limits, response_seconds=max(limits.response_seconds, held))
    return {
        "timeout": "0s",
        "idle_timeout": duration(
            held + limits.response_seconds + limits.between_tokens_seconds + _MARGIN_SECONDS
        ),
        "retry_policy": {
            **_unsent(document),
            **_patience(longest),
            "retry_on": ",".join((*_UNSENT, "retriable-status-codes")),
            "retriable_status_codes": [PASSED],
            "num_retries": WAITING.again,
        },
    }


def at_most(again: int) -> tuple[Config, ...]:
    """Headers of a share of a route: how often its requests are tried after the first time, whatever the route says."""
    return (set_header(_AGAIN_HEADER, str(again)),)


def each(document: Document, chain: int) -> Config:
    """The policy of a cluster whose chain of revisions is asked one pod of each, whatever its routes say."""
    policy = _policy(document, chain, each=True)
    return {**policy, "num_retries": chain - 1}


def _policy(document: Document, chain: int, *, each: bool = False) -> Config:
    """Before the first byte only (Envoy never retries after it), and not on the pod that failed."""
    # Another pod may be connected to even where another revision may not be asked for it.
    connects = not each or When.UNAVAILABLE in document.fallback_on
    codes = _codes(document, chain)
    conditions = [
        *(_CONNECTIONS if connects else ()),
        *(["retriable-status-codes"] if codes else []),
    ]
    policy: Config = {
        "retry_on": ",".join(conditions),
        "retriable_status_codes": codes,
        "retry_priority": _extension(
            "priority",
            "previous_priorities",
            "PreviousPrioritiesConfig",
            update_frequency=1 if each else 2,
        ),
        **_elsewhere(),
    }
    if chain == 1 or {When.UNAVAILABLE, When.TIMEOUT} <= document.fallback_on:
        # To Envoy a try whose time is over is one whose connection broke: it cannot go on for one and not
        # for the other.
        policy |= _patience(document.limits)
    return policy


def _unsent(document: Document) -> Config:
    """Of a pod alone: what it may have begun to compute it is not asked again, and nobody else is there."""
    held = document.hold is not None
    return {
        "retry_on": ",".join((*_UNSENT, *(["retriable-status-codes"] if held else []))),
        "retriable_status_codes": [PASSED] if held else [],
        **_patience(document.limits),
        **_elsewhere(),
    }


def _patience(limits: Limits) -> Config:
    """Of a try: until it answers, and between any two parts of its answer, which only the engine knows to bound by less.

    Envoy counts the second from the try's beginning, so it is as long as the first; and with a limit for the first
    beside it, it does not end answers that have begun (seen with 1.40).
    """
    if limits.between_tokens_seconds <= limits.response_seconds:
        return {"per_try_idle_timeout": duration(limits.response_seconds)}
    return {"per_try_timeout": duration(limits.response_seconds)}


def _elsewhere() -> Config:
    return {
        "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.1s"},
        "host_selection_retry_max_attempts": CHOICES,
        "retry_host_predicate": [_extension("host", "previous_hosts", "PreviousHostsPredicate")],
    }


def _codes(document: Document, chain: int) -> list[int]:
    """Answers after which the request goes on: to another pod, or as far as the chain may be asked."""
    if chain == 1:
        # What came to the place where requests wait just before the route was told of it.
        held = () if document.hold is None else (PASSED,)
        return sorted((*_REFUSALS, _BROKEN, _LATE, *held))
    causes = document.fallback_on
    return sorted(
        (
            *(_REFUSALS if When.OVERLOADED in causes else ()),
            *((_LATE,) if When.TIMEOUT in causes else ()),
            *((_BROKEN,) if When.UNAVAILABLE in causes else ()),
            PASSED,
        )
    )


def _extension(kind: str, name: str, message: str, **settings: int) -> Config:
    kinds = {"host": "retry_host_predicates", "priority": "retry_priorities"}
    return {
        "name": f"envoy.{kinds[kind]}.{name}",
        "typed_config": {
            "@type": f"{TYPE}.extensions.retry.{kind}.{name}.v3.{message}",
            **settings,
        },
    }
