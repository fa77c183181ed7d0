"""HTTP as it is needed here: one GET at a time, redirects followed, proxies and certificates as usual."""

import os
import socket
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions
from urllib3.util import Timeout, make_headers, parse_url

from deepseek_serving.weights.errors import FetchError, Permanent, Reason, Temporary
from deepseek_serving.weights.listing import Download

CONNECT_SECONDS = 20.0
MOST_REDIRECTS = 10
CHUNK_BYTES = 2**20
REDIRECTS = (301, 302, 303, 307, 308)
USER_AGENT = "deepseek-serving-weights"


class Refusal(Exception):  # noqa: N818 - what a server did, not yet an error of ours
    """An answer that is no content: its status, and its headers by lower-case name."""

    def __init__(self, status: int, headers: Mapping[str, str], host: str) -> None:
        super().__init__(f"{host} answers {status}")
        self.status = status
        self.headers = headers
        self.host = host


class Answer:
    """Content on its way; errors come out as ours."""

    def __init__(
        self,
        response: urllib3.BaseHTTPResponse,
        explain: Callable[[Exception], FetchError],
    ) -> None:
        self._response = response
        self._explain = explain
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    def read_some(self) -> bytes:
        """The next bytes as soon as there are some; none at the end, however early it is."""
        try:
            return self._response.read1(CHUNK_BYTES, decode_content=False)
        except (exceptions.HTTPError, OSError) as error:
            if any(isinstance(cause, exceptions.IncompleteRead) for cause in _causes(error)):
                return b""
            raise self._explain(error) from None

    def read_all(self, *, most_bytes: int) -> bytes:
        """A small document, up to one byte more than `most_bytes`."""
        try:
            return self._response.read(most_bytes + 1, decode_content=True)
        except (exceptions.HTTPError, OSError) as error:
            raise self._explain(error) from None

    def close(self) -> None:
        """Cut the connection, unless all has been read and it can be used again."""
        self._response.close()


class Transport:
    """Connections to any number of hosts; may be used by many threads."""

    def __init__(self, *, stall_seconds: float) -> None:
        connect = min(CONNECT_SECONDS, stall_seconds)
        options = {
            "timeout": Timeout(connect=connect, read=stall_seconds),
            "retries": False,
            "ssl_context": ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE")),
            "maxsize": 16,
        }
        self._stall_seconds = stall_seconds
        self._options = options
        self._direct = urllib3.PoolManager(**options)  # type: ignore[arg-type]
        self._proxied: dict[str, urllib3.ProxyManager] = {}

    def open(self, download: Download, *, start: int = 0, method: str = "GET") -> Answer:
        """The answer with the content from byte `start` on, its body unread.

        Refusal where the server answers with an error, FetchError where none answers.
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **download.headers}
        if start:
            headers["Range"] = f"bytes={start}-"
        url = download.url
        for _ in range(MOST_REDIRECTS):
            response = self._request(method, url, headers)
            if response.status not in REDIRECTS or "Location" not in response.headers:
                return Answer(_content(response, url), partial(self.explain, url=url))
            response.drain_conn()
            target = urljoin(url, response.headers["Location"])
            if _origin(target) != _origin(url):
                headers = {name: text for name, text in headers.items() if name != "Authorization"}
            url = target
        raise Temporary(Reason.SERVER_ERROR, f"{host_of(url)} redirects without an end")

    def read(self, download: Download, *, most_bytes: int) -> tuple[bytes, Mapping[str, str]]:
        """A small document whole, and the headers it came with."""
        answer = self.open(download)
        try:
            body = answer.read_all(most_bytes=most_bytes)
        finally:
            answer.close()
        if len(body) > most_bytes:
            raise Permanent(
                Reason.INVALID_SOURCE,
                f"{host_of(download.url)} answers with more than {most_bytes} bytes where a list"
                " of files was expected: check the address",
            )
        return body, answer.headers

    def _request(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._manager(url).request(
                method, url, headers=headers, redirect=False, preload_content=False
            )
        except (exceptions.HTTPError, OSError) as error:
            raise self.explain(error, url) from None

    def _manager(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxies = urllib.request.getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
            return self._direct
        if proxy not in self._proxied:
            secret = parse_url(proxy).auth
            self._proxied[proxy] = urllib3.ProxyManager(
                proxy,
                proxy_headers=make_headers(proxy_basic_auth=secret) if secret else None,
                **self._options,  # type: ignore[arg-type]
            )
        return self._proxied[proxy]

    def explain(self, error: Exception, url: str) -> Temporary | Permanent:
        """What a failed connection means; without the library's text, which holds the whole URL."""
        host = host_of(url)
        for cause in _causes(error):
            match cause:
                case exceptions.NameResolutionError() | socket.gaierror():
                    return Temporary(
                        Reason.NAME_RESOLUTION,
                        f"the name {host} cannot be resolved: check the source, HF_ENDPOINT or"
                        " AWS_ENDPOINT_URL, and the cluster's DNS",
                    )
                case ssl.SSLCertVerificationError():
                    return Permanent(
                        Reason.UNREACHABLE,
                        f"the certificate of {host} is not trusted ({cause.verify_message}): mount"
                        " its authority and name the file in SSL_CERT_FILE",
                    )
                case exceptions.LocationParseError() | exceptions.LocationValueError():
                    return Permanent(
                        Reason.INVALID_SOURCE, f"{host} is not an address: check the source"
                    )
                case _ if "ReadTimeout" in type(cause).__name__:  # of any of the libraries
                    return Temporary(
                        Reason.STALLED, f"{host} sent no byte for {self._stall_seconds:g} s"
                    )
        return Temporary(
            Reason.UNREACHABLE,
            f"the connection to {host} failed ({_kind(error)}): check network policies and proxy",
        )


def _content(response: urllib3.BaseHTTPResponse, url: str) -> urllib3.BaseHTTPResponse:
    if response.status in (200, 206):
        return response
    headers = {name.lower(): text for name, text in response.headers.items()}
    response.close()
    raise Refusal(response.status, headers, host_of(url))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def host_of(url: str) -> str:
    """The host alone: paths may be long, queries and user information secret."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}"


def _causes(error: BaseException) -> list[BaseException]:
    """The error and whatever it was raised from."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        inner = next((item for item in current.args if isinstance(item, BaseException)), None)
        current = current.__cause__ or current.__context__ or inner
    return found


def _kind(error: BaseException) -> str:
    """The system's own words where there are some, else the kind of error."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return type(error).__name__
