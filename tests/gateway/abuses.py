"""Requests that are not as they have to be, byte by byte: what each client sees, and what an engine saw of it."""

from dataclasses import dataclass

MOST_BODY = 100_000
"""Bytes; what the gateway of these tests takes."""
SMUGGLED = b"GET /v1/models?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
"""A request that a length of the one before hides from one reader and shows to the next."""


@dataclass(frozen=True, slots=True)
class Abuse:
    """One connection of a client that means no good, or does not know better."""

    name: str
    sent: bytes
    answers: tuple[int, ...] = (400,)
    """Codes of all that comes back; empty for a connection that waits for the rest of a request."""
    bodies: tuple[bytes, ...] = ()
    """Of the requests that reached the engine."""


def get(
    target: str = "/v1/models", *headers: str, method: str = "GET", version: str = "HTTP/1.1"
) -> bytes:
    """A request without a body."""
    lines = [f"{method} {target} {version}", "Host: x", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def post(*headers: str, body: bytes = b"{}") -> bytes:
    """A completion."""
    return get("/v1/completions", *headers, method="POST") + body


def chunked(body: bytes, encoding: str = "Transfer-Encoding: chunked") -> bytes:
    """A completion whose length its chunks say."""
    return post(encoding, body=body)


def served(name: str, sent: bytes, *bodies: bytes) -> Abuse:
    """It is answered as any request is, and an engine saw it in one form only."""
    told = bodies or (b"",)
    return Abuse(name, sent, (200,) * len(told), told)


_TWO = "Content-Length: 2"
_CHUNKED = "Transfer-Encoding: chunked"
_END = b"0\r\n\r\n"

LINES = (
    Abuse("no-request", b"NONSENSE\r\n\r\n"),
    Abuse("no-version", b"GET /v1/models\r\n\r\n", (426,)),
    Abuse("http-0.9", get(version="HTTP/0.9"), (426,)),
    Abuse("http-1.0", get(version="HTTP/1.0"), (426,)),
    Abuse("http-1.2", get(version="HTTP/1.2"), (426,)),
    Abuse("http-2-in-a-line", get(version="HTTP/2.0"), (426,)),
    Abuse("http-in-lower-case", get(version="http/1.1")),
    Abuse("space-in-the-target", get("/v1/models x")),
    Abuse("nul-in-the-target", get("/v1/mod\0els")),
    Abuse("control-in-the-target", get("/v1/mod\x01els")),
    Abuse("no-ascii-in-the-target", get("/v1/models\xff")),
    Abuse("no-method", get(method="")),
    Abuse("method-with-a-sign", get(method="G@T")),
    Abuse("method-in-lower-case", get(method="get")),
    Abuse("method-of-nobody", get(method="BREW")),
    Abuse("tls", bytes.fromhex("1603010200010001fc0303") + b"\0" * 60),
    Abuse("ssh", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    Abuse("every-byte", bytes(range(256))),
    Abuse("proxy-protocol", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get()),
    Abuse("carriage-returns-alone", b"GET /v1/models HTTP/1.1\rHost: x\r\r", ()),
    served("line-feeds-alone", b"GET /v1/models HTTP/1.1\nHost: x\n\n"),
    served("empty-lines-first", b"\r\n\r\n" + get()),
    served("tabs-between", b"GET\t/v1/models\tHTTP/1.1\r\nHost: x\r\n\r\n"),
)

HEADERS = (
    Abuse("no-host", b"GET /v1/models HTTP/1.1\r\n\r\n"),
    Abuse("host-with-a-space", b"GET /v1/models HTTP/1.1\r\nHost: a b\r\n\r\n"),
    Abuse("space-before-the-colon", get("/v1/models", "A : b")),
    Abuse("no-name", get("/v1/models", ": b")),
    Abuse("no-colon", get("/v1/models", "nothing")),
    Abuse("nul-in-a-name", get("/v1/models", "A\0: b")),
    Abuse("no-ascii-in-a-name", get("/v1/models", "\xe4: b")),
    Abuse("bracket-in-a-name", get("/v1/models", "A(b): c")),
    Abuse("underscore-in-a-name", get("/v1/models", "x_dsd_most_requests: 9")),
    Abuse("nul-in-a-value", get("/v1/models", "A: b\0c")),
    Abuse("control-in-a-value", get("/v1/models", "A: b\x01c")),
    Abuse("folded-first-line", b"GET /v1/models HTTP/1.1\r\n A: b\r\nHost: x\r\n\r\n"),
    Abuse("host-is-hop-by-hop", get("/v1/models", "Connection: host")),
    served("folded-value", get("/v1/models", "A: b", "\tc")),
    served("carriage-return-in-a-value", get("/v1/models", "A: b\rx-dsd-most-requests: 9")),
    served("line-feed-in-a-value", get("/v1/models", "A: b\nx-dsd-most-requests: 9")),
    served("internal-is-hop-by-hop", get("/v1/models", "Connection: x-dsd-most-requests")),
    Abuse("huge-header", get("/v1/models", "A: " + "b" * 40_000), (431,)),
    Abuse("huge-name", get("/v1/models", "a" * 40_000 + ": b"), (431,)),
    Abuse("huge-host", get("/v1/models", "Host: " + "x" * 40_000), (431,)),
    Abuse("huge-url", get("/v1/models?" + "q" * 40_000), (431,)),
    Abuse("many-headers", get("/v1/models", *(f"a{n}: b" for n in range(120))), (431,)),
    Abuse("large-in-sum", get("/v1/models", *(f"a{n}: {'b' * 900}" for n in range(60))), (431,)),
    Abuse("header-without-end", b"GET /v1/models HTTP/1.1\r\nA: " + b"b" * 90_000, (431,)),
    Abuse("line-without-end", b"GET /" + b"b" * 90_000, (431,)),
    served("long-url", get("/v1/models?" + "q" * 8_000)),
)

LENGTHS = (
    Abuse("length-and-chunks", post("Content-Length: 6", _CHUNKED, body=b"0\r\n\r\nG")),
    Abuse("chunks-and-length", post(_CHUNKED, "Content-Length: 4", body=b"2e\r\n" + SMUGGLED)),
    Abuse("two-encodings", post(_CHUNKED, "Transfer-Encoding: identity", body=_END), (501,)),
    Abuse("chunked-twice", post(_CHUNKED, _CHUNKED, body=_END + SMUGGLED), (501,)),
    Abuse("unknown-encoding", chunked(_END + SMUGGLED, "Transfer-Encoding: xchunked"), (501,)),
    Abuse("chunked-is-not-last", chunked(_END, "Transfer-Encoding: chunked, identity"), (501,)),
    Abuse("gzip-first", chunked(_END, "Transfer-Encoding: gzip, chunked"), (501,)),
    Abuse("chunked-and-a-comma", chunked(_END, "Transfer-Encoding: chunked,"), (501,)),
    Abuse("chunked-in-quotes", chunked(_END, 'Transfer-Encoding: "chunked"'), (501,)),
    Abuse("chunked-after-a-control", chunked(_END, "Transfer-Encoding: \x0bchunked")),
    Abuse("encoding-and-a-space", chunked(_END, "Transfer-Encoding : chunked")),
    Abuse("encoding-with-underscore", chunked(_END, "Transfer_Encoding: chunked")),
    Abuse("identity-and-length", post("Transfer-Encoding: identity", _TWO)),
    Abuse("three-lengths", post("Transfer-Encoding: x", _CHUNKED, "Content-Length: 3", body=_END)),
    Abuse("equal-lengths", post(_TWO, _TWO)),
    Abuse("different-lengths", post(_TWO, "Content-Length: 48", body=b"{}" + SMUGGLED)),
    Abuse("list-of-lengths", post("Content-Length: 2, 2")),
    Abuse("positive-length", post("Content-Length: +2")),
    Abuse("negative-length", post("Content-Length: -2")),
    Abuse("length-in-hex", post("Content-Length: 0x2")),
    Abuse("length-with-a-space", post("Content-Length: 1 2")),
    Abuse("broken-length", post("Content-Length: 2.0")),
    Abuse("empty-length", post("Content-Length: ")),
    Abuse("length-over-64-bits", post("Content-Length: 18446744073709551618")),
    Abuse("length-and-a-control", post("Content-Length: 2\x0b")),
    served("length-after-a-carriage-return", post("X: y\rContent-Length: 48", _TWO), b"{}"),
    served("encoding-after-a-carriage-return", post(f"X: y\r{_CHUNKED}", _TWO), b"{}"),
    served("a-reading-with-a-body", get("/v1/models", "Content-Length: 2") + b"{}", b"{}"),
    served("a-body-and-the-next", post(_TWO) + SMUGGLED, b"{}", b""),
    served(
        "encoding-after-a-tab", chunked(b"2\r\n{}\r\n" + _END, _CHUNKED.replace(" ", "\t")), b"{}"
    ),
    served("chunked-in-upper-case", chunked(b"2\r\n{}\r\n" + _END, _CHUNKED.upper()), b"{}"),
)

CHUNKS = (
    Abuse("negative-chunk", chunked(b"-2\r\n{}\r\n" + _END)),
    Abuse("chunk-with-0x", chunked(b"0x2\r\n{}\r\n" + _END)),
    Abuse("chunk-over-64-bits", chunked(b"10000000000000002\r\n{}\r\n" + _END + SMUGGLED)),
    Abuse("chunk-without-size", chunked(b"\r\n{}\r\n" + _END)),
    Abuse("chunk-of-a-word", chunked(b"zz\r\n{}\r\n" + _END)),
    Abuse("chunks-of-line-feeds", chunked(b"2\n{}\n0\n\n")),
    Abuse("extension-of-a-line-feed", chunked(b"2;\n{}\r\n" + _END)),
    Abuse("trailer-without-colon", chunked(b"2\r\n{}\r\n0\r\nA b\r\n\r\n")),
    Abuse("huge-trailer", chunked(b"2\r\n{}\r\n0\r\nA: " + b"b" * 80_000 + b"\r\n\r\n"), (431,)),
    Abuse("chunk-of-all-bytes", chunked(b"ffffffffffffffff\r\n{}"), ()),
    served("chunk-with-extension", chunked(b'2;a="b"\r\n{}\r\n' + _END), b"{}"),
    served(
        "chunk-with-a-long-extension", chunked(b"2;" + b"a" * 9000 + b"\r\n{}\r\n" + _END), b"{}"
    ),
    served("chunk-of-zeros", chunked(b"0000000000002\r\n{}\r\n" + _END), b"{}"),
    served("chunk-that-is-longer", chunked(b"1\r\n{}\r\n" + _END), b"{"),
    served(
        "trailers-of-ours",
        chunked(b"2\r\n{}\r\n0\r\nx-dsd-most-requests: 9\r\nContent-Length: 99\r\n\r\n"),
        b"{}",
    ),
)

BODIES = (
    Abuse("says-it-is-too-long", post(f"Content-Length: {MOST_BODY + 1}", body=b""), (413,)),
    Abuse("is-too-long", chunked(b"%x\r\n" % (2 * MOST_BODY) + b"x" * 2 * MOST_BODY), (413,)),
    Abuse(
        "too-long-and-asks-first",
        post("Content-Length: 200000", "Expect: 100-continue"),
        (100, 413),
    ),
    Abuse("longest-length", post(f"Content-Length: {2**63 - 1}"), ()),
    Abuse("half-a-line", b"GET /v1/mod", ()),
    Abuse("half-a-head", b"GET /v1/models HTTP/1.1\r\nHost: x\r\n", ()),
    Abuse("half-a-body", post("Content-Length: 50"), ()),
    Abuse("half-a-chunk", chunked(b"50\r\n{}"), ()),
    Abuse("no-last-chunk", chunked(b"2\r\n{}\r\n"), ()),
    Abuse("a-body-to-nowhere", get("/x", "Content-Length: 99", method="POST"), (404,)),
    Abuse("asks-first", post(_TWO, "Expect: 100-continue"), (100, 200), (b"{}",)),
)

METHODS = (
    Abuse("connect", b"CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: 10.0.0.1:22\r\n\r\n", (403,)),
    Abuse("connect-to-a-path", get(method="CONNECT")),
    Abuse("trace", get(method="TRACE"), (405,)),
    Abuse("options", get(method="OPTIONS"), (405,)),
    Abuse("options-of-all", get("*", method="OPTIONS"), (404,)),
    Abuse("head", get(method="HEAD"), (405,)),
    Abuse("delete", get(method="DELETE"), (405,)),
    Abuse("preface-alone", b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n"),
    Abuse(
        "websocket",
        get("/v1/models", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        (403,),
    ),
    Abuse("websocket-by-post", post("Connection: Upgrade", "Upgrade: websocket", _TWO), (403,)),
    Abuse("upgrade-to-what", get("/v1/models", "Connection: Upgrade", "Upgrade: foo/2"), (403,)),
    served(
        "upgrade-to-http2",
        get(
            "/v1/models",
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "HTTP2-Settings: AA",
        ),
    ),
)

TARGETS = (
    Abuse("absolute-with-tls", get("https://x/v1/models"), (403,)),
    Abuse("absolute-of-ftp", get("ftp://x/v1/models")),
    Abuse("absolute-elsewhere", get("http://x/metrics"), (404,)),
    Abuse("authority-form", get("x:80")),
    Abuse("no-slash", get("v1/models")),
    Abuse("star", get("*")),
    Abuse("two-slashes-and-a-host", get("//evil/v1/models"), (404,)),
    Abuse("up", get("/v1/../admin"), (404,)),
    Abuse("up-encoded", get("/v1/%2e%2e/metrics"), (404,)),
    Abuse("up-encoded-twice", get("/v1/%252e%252e/metrics"), (404,)),
    Abuse("up-out-of-a-model", get("/v1/models/../load_lora_adapter"), (404,)),
    Abuse("slash-encoded", get("/v1%2fmodels")),
    Abuse("backslash-encoded", get("/v1%5cmodels")),
    Abuse("another-case", get("/V1/models"), (404,)),
    Abuse("nul-encoded", get("/v1/models%00")),
    Abuse("line-encoded", get("/v1/models%0d%0aX:y"), (404,)),
    Abuse("fragment", get("/v1/models#x")),
    Abuse("parameter", get("/v1/models;x=y"), (404,)),
    Abuse("longer-word", get("/v1/modelsx"), (404,)),
    Abuse("admin-of-envoy", get("/quitquitquit", method="POST"), (404,)),
    served("absolute", get("http://evil:80/v1/models")),
    served("many-slashes", get("//v1///models")),
    served("up-and-down", get("/v1/x/../models")),
    served("letter-encoded", get("/v1/%6dodels")),
    served("up-in-the-query", get("/v1/models?../../metrics")),
)

ABUSES = (*LINES, *HEADERS, *LENGTHS, *CHUNKS, *BODIES, *METHODS, *TARGETS)
