"""Answers that the gateway gives by itself, in the form in which OpenAI's API gives errors. Pure."""

from deepseek_serving.gateway.parts import Config, set_header


def local_replies() -> Config:
    """What clients read when no engine answers: a sentence, and a code that says whether to try again."""
    return {
        "mappers": [
            # Envoy says 503 when a queue is full; to a client that is 429, with a time to wait.
            {
                "filter": {"response_flag_filter": {"flags": ["UO"]}},
                "status_code": 429,
                "headers_to_add": [set_header("retry-after", "1")],
                "body_format_override": _body("the queue is full: try again", "rate_limit_error"),
            },
            _mapper(["UH", "NC", "UF"], "no replica answers just now", "service_unavailable"),
            _mapper(["UT", "SI", "DT"], "no answer in time", "timeout"),
        ],
        "body_format": _body("%LOCAL_REPLY_BODY%", "gateway_error"),
    }


def _mapper(flags: list[str], said: str, kind: str) -> Config:
    return {
        "filter": {"response_flag_filter": {"flags": flags}},
        "headers_to_add": [set_header("retry-after", "5")],
        "body_format_override": _body(said, kind),
    }


def _body(said: str, kind: str) -> Config:
    error = {"message": said, "type": kind, "param": None, "code": "%RESPONSE_CODE%"}
    return {"json_format": {"error": error}}
