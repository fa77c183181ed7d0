"""Answers that the gateway gives by itself, in the form in which OpenAI's API gives errors. Pure."""

from collections.abc import Iterable

from deepseek_serving.gateway import limits
from deepseek_serving.gateway.document import Limits
from deepseek_serving.gateway.parts import Config, set_header
from deepseek_serving.gateway.routes import THERE_ARE

_WRONG = "invalid_request_error"


def local_replies(given: Limits, more: Iterable[Config] = ()) -> Config:
    """What clients read when no engine answers: a sentence, and a code that says whether to try again."""
    return {
        "mappers": [
            *more,
            # Envoy says 503 when a queue is full; to a client that is 429, with a time to wait.
            {
                "filter": _flags("UO"),
                "status_code": 429,
                "headers_to_add": [set_header("retry-after", "1")],
                "body_format_override": _body("the queue is full: try again", "rate_limit_error"),
            },
            _busy(["OM"], "the gateway has no memory left: try again", "service_unavailable"),
            _busy(["UH", "NC", "UF"], "no replica answers just now", "service_unavailable"),
            _busy(["UT", "SI", "DT"], "no answer in time", "timeout"),
            *_refusals(given),
            _wrong(_from_to(400, 499), "%LOCAL_REPLY_BODY%"),
        ],
        "body_format": _body("%LOCAL_REPLY_BODY%", "gateway_error"),
    }


def _refusals(given: Limits) -> list[Config]:
    """Of requests that are not as they have to be."""
    most = f"{limits.HEADERS} headers and {limits.HEADERS_KIB} KiB of them"
    said = {
        403: "this gateway upgrades no connection, and speaks no TLS here",
        404: THERE_ARE,
        408: f"the request was not sent within {limits.BODY_SECONDS} s",
        413: f"the request is longer than {given.body_bytes} bytes (gateway.maxRequestBytes)",
        426: "this gateway speaks HTTP/1.1 and HTTP/2",
        431: f"a request has at most {most}",
        501: "of transfer encodings this gateway knows chunked alone",
    }
    return [
        *(_wrong(_from_to(code, code), text) for code, text in said.items()),
        _wrong(_from_to(400, 400), "the request is malformed: %RESPONSE_CODE_DETAILS%"),
    ]


def _busy(flags: list[str], said: str, kind: str) -> Config:
    return {
        "filter": _flags(*flags),
        "headers_to_add": [set_header("retry-after", "5")],
        "body_format_override": _body(said, kind),
    }


def _wrong(filtered: Config, said: str) -> Config:
    return {"filter": filtered, "body_format_override": _body(said, _WRONG)}


def _flags(*flags: str) -> Config:
    return {"response_flag_filter": {"flags": list(flags)}}


def _from_to(first: int, last: int) -> Config:
    """Of codes in this range."""
    return {"and_filter": {"filters": [_compared("GE", first), _compared("LE", last)]}}


def _compared(how: str, code: int) -> Config:
    # Envoy wants the name of a setting that may override the code; nobody sets it.
    value = {"default_value": code, "runtime_key": "dsd.unused"}
    return {"status_code_filter": {"comparison": {"op": how, "value": value}}}


def _body(said: str, kind: str) -> Config:
    error = {"message": said, "type": kind, "param": None, "code": "%RESPONSE_CODE%"}
    return {"json_format": {"error": error}}
