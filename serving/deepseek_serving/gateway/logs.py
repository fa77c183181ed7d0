"""What Envoy counts and writes of each request: its envelope, never a word, a query or a key. Pure."""

from deepseek_serving.gateway import keys as clients
from deepseek_serving.gateway import retries
from deepseek_serving.gateway.document import AccessLog
from deepseek_serving.gateway.parts import METADATA, TYPE, Config, typed_struct

OTHER_PATH = "other"
"""Of a request for none of the API's paths: clients put anything there."""

CLASS_HEADER = "x-dsd-class"
"""On an engine's answer: whether its request was long or short."""

_CLIENT = f"%REQ({clients.CLIENT_HEADER}):{clients.LONGEST_NAME}%"


def loggers(wanted: AccessLog, *, keys: bool, classes: bool = False) -> list[Config]:
    """Of each request; `keys` is whether it is known whose they are, `classes` whether some are long."""
    written = [] if wanted is AccessLog.OFF else [_lines(wanted, keys=keys)]
    return [_counting(keys=keys, classes=classes), *written]


def _counting(*, keys: bool, classes: bool) -> Config:
    """Each request once, by whose turn it was, who answered, and how often it was tried."""
    chosen = {"name": "chosen", "value_format": "%UPSTREAM_CLUSTER%"}
    served = {"name": "served", "value_format": f"%UPSTREAM_METADATA({METADATA}:revision)%"}
    code = {"name": "code", "value_format": "%RESPONSE_CODE%"}
    flags = {"name": "flags", "value_format": "%RESPONSE_FLAGS%"}
    attempts = {"name": "attempts", "value_format": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"}
    why = {"name": "reason", "value_format": retries.noted()}
    client = {"name": "client", "value_format": _CLIENT}
    # Engines say it of what they answer.
    size = {"name": "class", "value_format": f"%RESP({CLASS_HEADER}):16%"}
    return typed_struct(
        "envoy.access_loggers.stats",
        f"{TYPE}.extensions.access_loggers.stats.v3.Config",
        {
            "stats_scope": {"prefix": "dsd"},
            "counters": [
                _counter("requests", chosen, served, code, flags, attempts, why),
                *([_counter("clients", client, code, flags)] if keys else []),
                *([_counter("classes", chosen, size, code)] if classes else []),
            ],
            "histograms": [
                {
                    "stat": {"name": "first_byte", "tags": [chosen]},
                    "unit": "Milliseconds",
                    "value_format": "%RESPONSE_DURATION%",
                }
            ],
        },
    )


def _counter(name: str, *tags: Config) -> Config:
    return {"stat": {"name": name, "tags": list(tags)}, "value_fixed": 1}


def _lines(wanted: AccessLog, *, keys: bool) -> Config:
    """One line a request, or a request that went wrong."""
    fields = {
        "time": "%START_TIME%",
        "requestId": "%REQ(X-REQUEST-ID):64%",
        "method": "%REQ(:METHOD):16%",
        # Of the API's path, not as it was asked for: people put keys and names there.
        "path": "%ROUTE_NAME%",
        "code": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "chosen": "%UPSTREAM_CLUSTER%",
        "revision": f"%UPSTREAM_METADATA({METADATA}:revision)%",
        "pod": "%UPSTREAM_HOST%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "reason": retries.noted(),
        "firstByteMs": "%RESPONSE_DURATION%",
        "durationMs": "%DURATION%",
        "bytesIn": "%BYTES_RECEIVED%",
        "bytesOut": "%BYTES_SENT%",
        "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        **({"client": _CLIENT} if keys else {}),
    }
    return {
        "name": "envoy.access_loggers.stdout",
        **({"filter": _FAILURES} if wanted is AccessLog.FAILURES else {}),
        "typed_config": {
            "@type": f"{TYPE}.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": fields},
        },
    }


_FAILURES: Config = {
    "or_filter": {
        "filters": [
            {
                "status_code_filter": {
                    "comparison": {
                        "op": "GE",
                        "value": {"default_value": 400, "runtime_key": "access_log.failures"},
                    }
                }
            },
            # Whatever flag: cut, too late, nobody there, gone.
            {"response_flag_filter": {}},
            # Noted of a try that another one stood in for.
            {
                "metadata_filter": {
                    "matcher": {
                        "filter": retries.FALLBACK_METADATA,
                        "path": [{"key": retries.WHY}],
                        "value": {"present_match": True},
                    },
                    "match_if_key_not_found": False,
                }
            },
        ]
    }
}
