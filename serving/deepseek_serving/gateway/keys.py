"""Whom a gateway knows: from the entries of a Secret to clients and their keys, and Envoy's filters for them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deepseek_serving.gateway.document import ClientLimits
from deepseek_serving.gateway.parts import TYPE, Config, from_agent, set_header, without_header

CLIENT_HEADER = "x-dsd-client"
"""On a request whose key is known: whose it is. What a client says there itself is taken away."""

KEYS, LIMITS = "api-keys", "client-limits"
"""Names of the filters' configurations, which change without closing a connection."""

MOST_CLIENTS = 1000
"""Each is a label of metrics, and a bucket of its limit."""
_SHORTEST_KEY, _LONGEST_KEY = 16, 512
LONGEST_NAME = 63

_KEY_AUTH = f"{TYPE}.extensions.filters.http.api_key_auth.v3.ApiKeyAuth"
_RATE_LIMIT = f"{TYPE}.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_WITHOUT_LIMIT = 4_294_967_295


@dataclass(frozen=True, slots=True)
class Clients:
    """Who may ask; prints no key."""

    by_key: Mapping[str, str] = field(default_factory=dict, repr=False)
    trouble: tuple[str, ...] = ()
    """What of the Secret is not followed, without a key."""

    @property
    def names(self) -> tuple[str, ...]:
        """Clients with a key, in order."""
        return tuple(sorted(set(self.by_key.values())))


def read(entries: Mapping[str, bytes], known: Clients) -> Clients:
    """The clients of a Secret, one an entry: its name, and its keys, one a line.

    An entry that cannot be followed leaves its client with the keys that it had, and changes nothing for
    others: so a key that is taken out is refused, whatever else is wrong. Without any entry nothing changes.
    """
    if not entries:
        return Clients(known.by_key, (_MISSING,))
    wanted: dict[str, tuple[str, ...]] = {}
    trouble = []
    for name, content in sorted(entries.items()):
        try:
            _check_name(name, before=len(wanted))
            wanted[name] = _keys_of(name, known)
            wanted[name] = _keys(content)
        except _EntryError as error:
            trouble.append(f"entry {name[:LONGEST_NAME]}: {error}")
    by_key, doubles = _own_keys(wanted, known)
    return Clients(by_key, (*trouble, *doubles))


_MISSING = "it is not there or has no entry: make one entry a client, its name and its key"


class _EntryError(ValueError):
    """What is wrong with an entry, and what to do; never a key."""


def _check_name(name: str, *, before: int) -> None:
    if len(name) > LONGEST_NAME:
        raise _EntryError(f"a client's name has at most {LONGEST_NAME} characters")
    if before >= MOST_CLIENTS:
        raise _EntryError(f"there are at most {MOST_CLIENTS} clients")


def _keys(content: bytes) -> tuple[str, ...]:
    lines = content.decode("ascii", "replace").split("\n")
    keys = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not keys:
        raise _EntryError("it is empty: write the client's key, or remove the entry")
    for key in keys:
        if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
            raise _EntryError(f"a key has {_SHORTEST_KEY} to {_LONGEST_KEY} characters")
        if not all("!" <= character <= "~" for character in key):
            raise _EntryError("a key is visible ASCII characters without a space, one key a line")
    return keys


def _keys_of(name: str, known: Clients) -> tuple[str, ...]:
    return tuple(key for key, client in known.by_key.items() if client == name)


def _own_keys(
    wanted: Mapping[str, tuple[str, ...]], known: Clients
) -> tuple[dict[str, str], list[str]]:
    """Each key with its client; one that two have stays with who had it, or belongs to nobody."""
    holders: dict[str, list[str]] = {}
    for name, keys in wanted.items():
        for key in keys:
            holders.setdefault(key, []).append(name)
    by_key = {}
    trouble = []
    for key, names in holders.items():
        if len(names) == 1:
            by_key[key] = names[0]
            continue
        trouble.append(f"entries {' and '.join(names[:3])} have the same key: give each its own")
        if known.by_key.get(key) in names:
            by_key[key] = known.by_key[key]
    return by_key, list(dict.fromkeys(trouble))


def filters() -> list[Config]:
    """In front of all others: a request without a key is refused before its body is read.

    Their configurations come by themselves (ECDS): a change of them takes effect with the next request of
    each connection, where one of the listener would leave connections with the keys of before.
    """
    return [_filter(KEYS, _KEY_AUTH), _filter(LIMITS, _RATE_LIMIT)]


def _filter(name: str, kind: str) -> Config:
    # Without its configuration Envoy does not listen: nobody is let in because one is missing.
    source = {**from_agent(), "initial_fetch_timeout": "0s"}
    return {"name": name, "config_discovery": {"config_source": source, "type_urls": [kind]}}


def cleaning() -> list[Config]:
    """Before anything reads a request: whose it is says the key alone."""
    return [without_header(CLIENT_HEADER)]


def configurations(clients: Clients, limits: ClientLimits) -> tuple[Config, ...]:
    """What the filters do now."""
    credentials = [{"key": key, "client": name} for key, name in sorted(clients.by_key.items())]
    authentication = {
        "@type": _KEY_AUTH,
        "credentials": credentials,
        "key_sources": [{"header": "Authorization"}],
        # An engine sees whose request it is, and no key.
        "forwarding": {"header": CLIENT_HEADER, "hide_credentials": True},
    }
    return (
        {"name": KEYS, "typed_config": authentication},
        {"name": LIMITS, "typed_config": _rate_limit(limits)},
    )


def _rate_limit(limits: ClientLimits) -> Config:
    return {
        "@type": _RATE_LIMIT,
        "stat_prefix": "clients",
        "token_bucket": _bucket(_WITHOUT_LIMIT),
        "filter_enabled": _always("enabled"),
        "filter_enforced": _always("enforced"),
        # Of each client's own, or without one of it of who has no other: an entry without a value is any.
        "descriptors": [
            *(_descriptor(name, most) for name, most in sorted(limits.of.items())),
            *([] if limits.each is None else [_descriptor("", limits.each)]),
        ],
        "rate_limits": [
            {
                "actions": [
                    {
                        "request_headers": {
                            "header_name": CLIENT_HEADER,
                            "descriptor_key": "client",
                        }
                    }
                ]
            }
        ],
        "max_dynamic_descriptors": MOST_CLIENTS,
        "always_consume_default_token_bucket": False,
        "response_headers_to_add": [set_header("retry-after", _pause(limits))],
    }


def _descriptor(client: str, most: int) -> Config:
    return {"entries": [{"key": "client", "value": client}], "token_bucket": _bucket(most)}


def _bucket(per_minute: int) -> Config:
    return {"max_tokens": per_minute, "tokens_per_fill": per_minute, "fill_interval": "60s"}


def _always(what: str) -> Config:
    full = {"numerator": 100, "denominator": "HUNDRED"}
    return {"runtime_key": f"clients.{what}", "default_value": full}


def _pause(limits: ClientLimits) -> str:
    """Seconds until there is room for one more, in Envoy's format strings; found when one is refused."""
    pauses = {name: _seconds(most) for name, most in sorted(limits.of.items())}
    usual = _seconds(limits.each) if limits.each is not None else 1
    others = {name: seconds for name, seconds in pauses.items() if seconds != usual}
    if not others:
        return str(usual)
    client = f"request.headers['{CLIENT_HEADER}']"
    chosen = "".join(f"{client} == '{name}' ? '{pause}' : " for name, pause in others.items())
    return f"%CEL({chosen}'{usual}')%"


def _seconds(per_minute: int) -> int:
    return -(-60 // per_minute)


def refusals() -> list[Config]:
    """What a client reads whose key is not known, or who asks too often; with the words of OpenAI's API."""
    return [
        {
            "filter": {"status_code_filter": {"comparison": _equals(401)}},
            "headers_to_add": [set_header("www-authenticate", "Bearer")],
            "body_format_override": _body(
                "no such API key: send it as Authorization: Bearer KEY",
                "invalid_request_error",
                "invalid_api_key",
            ),
        },
        {
            # Of the gateway's own answers only this one: a full queue is 503 when it comes here.
            "filter": {"status_code_filter": {"comparison": _equals(429)}},
            "body_format_override": _body(
                "this client asks more often than it may: wait for as long as Retry-After says",
                "rate_limit_error",
                "rate_limit_exceeded",
            ),
        },
    ]


def _equals(code: int) -> Config:
    return {"op": "EQ", "value": {"default_value": code, "runtime_key": f"clients.code.{code}"}}


def _body(said: str, kind: str, code: str) -> Config:
    return {"json_format": {"error": {"message": said, "type": kind, "param": None, "code": code}}}


def unknown(limits: ClientLimits, names: Iterable[str]) -> tuple[str, ...]:
    """Clients with a limit of their own and no key."""
    return tuple(sorted(set(limits.of) - set(names)))
