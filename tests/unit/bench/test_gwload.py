"""The load and the engines that compute nothing (dev/go/gwload), against each other and against broken servers."""

import contextlib
import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bench.gateway import loading, machine
from bench.gateway.loading import Engines
from dev import tools
from dev.cluster import layout

CORE = machine.cores().load


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    tools.install([loading.PROGRAM])


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with loading.engines(core=CORE) as running:
        yield running


def post(port: int, body: str) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", body)
        response = connection.getresponse()
        return response, response.read().decode()


def test_an_engine_answers_as_vllm_does(engines: Engines) -> None:
    response, text = post(engines.ports[0], '{"model": "chat", "messages": []}')

    assert response.status == 200
    told = json.loads(text)
    assert told["object"] == "chat.completion"
    assert told["choices"][0]["message"]["role"] == "assistant"
    assert 900 <= len(text) <= 1100


@pytest.mark.parametrize(
    "body", ['{"stream":true,"max_tokens":3}', '{"max_tokens": 3, "stream": true}']
)
def test_an_engine_streams_as_many_chunks_as_are_asked_for(engines: Engines, body: str) -> None:
    response, text = post(engines.ports[0], body)

    assert response.getheader("Content-Type") == "text/event-stream; charset=utf-8"
    *chunks, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    told = [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]
    assert [one["choices"][0]["delta"]["content"] for one in told] == [
        " token0",
        " token1",
        " token2",
    ]


def test_an_engine_reads_a_body_that_comes_in_pieces(engines: Engines) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", engines.ports[0], timeout=10)
    with contextlib.closing(connection):
        pieces = iter([b'{"stream":', b"false}"])
        connection.request("POST", "/v1/chat/completions", pieces, encode_chunked=True)

        assert connection.getresponse().status == 200


def test_each_engine_counts_its_own_requests(engines: Engines) -> None:
    before = engines.seen()
    post(engines.ports[1], "{}")
    after = engines.seen()

    more = [after[port].requests - before[port].requests for port in engines.ports]
    assert more == [0, 1, 0]
    assert after[engines.ports[1]].last > before[engines.ports[1]].last


def test_a_rate_is_offered_whatever_comes_back(engines: Engines) -> None:
    load = loading.ask(engines.ports[0], ("-rate", "200", "-seconds", "0.5s"), core=CORE)

    assert (load.begun, load.served, load.failures) == (100, 100, 0)
    assert 0 < load.took.p50 <= load.took.p99 <= load.took.most


def test_what_was_due_is_offered_though_the_load_stood_still_past_its_end(engines: Engines) -> None:
    flags = ("-rate", "200", "-seconds", "0.5s", "-clients", "100")
    before = engines.seen()[engines.ports[0]].requests
    with loading.asking(engines.ports[0], flags, core=CORE) as process:
        deadline = time.monotonic() + 20
        while engines.seen()[engines.ports[0]].requests == before:
            assert time.monotonic() < deadline, "no request came"
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.6)
        process.send_signal(signal.SIGCONT)
        load = loading.result(process)

    assert (load.begun, load.served, load.failures) == (100, 100, 0)


def test_clients_ask_again_until_there_were_enough_requests(engines: Engines) -> None:
    flags = ("-clients", "4", "-requests", "50", "-seconds", "20s")

    load = loading.ask(engines.ports[0], flags, core=CORE)

    assert (load.begun, load.served, load.failures) == (50, 50, 0)


def test_streams_are_counted_by_chunk(engines: Engines) -> None:
    flags = ("-clients", "3", "-stream", "-chunks", "5", "-requests", "6", "-seconds", "20s")

    load = loading.ask(engines.ports[0], flags, core=CORE)

    assert (load.served, load.chunks, load.failures) == (6, 30, 0)
    # The engine's own times are 50 and 20 ms; a machine that is busy makes them longer, none shorter.
    assert load.first.p50 >= 50
    assert load.gaps.most >= 20


def test_a_load_that_has_seen_enough_says_what_it_saw(engines: Engines) -> None:
    with loading.asking(
        engines.ports[2], ("-rate", "100", "-seconds", "60s"), core=CORE
    ) as process:
        while engines.seen()[engines.ports[2]].requests == 0:
            pass
        process.send_signal(loading.ENOUGH)
        load = loading.result(process)

    assert 0 < load.served == load.begun < 6000


class BrokenServer:
    """Reads what one client sends, says the same whatever it is, and closes."""

    def __init__(self, said: bytes, *, closes: bool = True) -> None:
        self._said, self._closes = said, closes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        client, _ = self._listening.accept()
        with client:
            client.recv(65536)
            client.sendall(self._said)
            if not self._closes:
                self._over.wait()

    def __enter__(self) -> int:
        self._thread.start()
        return self.port

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._listening.close()


HEAD = b"HTTP/1.1 200 OK\r\n"
STREAM = HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b"data: {}\n\n"
LAST = b"data: [DONE]\n\n"


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


@pytest.mark.parametrize(
    ("said", "failed"),
    [
        pytest.param(HEAD + b"Content-Length: 2\r\n\r\n{}", {}, id="whole"),
        pytest.param(HEAD + b"content-length:2\r\n\r\n{}", {}, id="header-in-small-letters"),
        pytest.param(HEAD + b"Connection: close\r\n\r\n{}", {}, id="whole-when-closed"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"{", b"}"), {}, id="chunked"),
        pytest.param(b"", {"reset": 1}, id="closed-without-a-word"),
        pytest.param(HEAD + b"Content-Length: 9\r\n\r\n{}", {"cut": 1}, id="half-a-body"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", {"cut": 1}, id="no-last-chunk"),
        pytest.param(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", {"503": 1}, id="refused"),
        pytest.param(b"HTTP/2 200\r\nContent-Length: 0\r\n\r\n", {"malformed": 1}, id="not-http"),
        pytest.param(HEAD + b"Content-Length: 0\r\n\r\n{}", {"malformed": 1}, id="too-long"),
    ],
)  # fmt: skip
def test_an_answer_is_whole_or_its_failure_has_a_name(said: bytes, failed: dict[str, int]) -> None:
    with BrokenServer(said) as port:
        load = loading.ask(port, ("-clients", "1", "-requests", "1"), core=CORE)

    assert load.failed == failed
    assert load.served == 1 - len(failed)


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        pytest.param(chunked(EVENT, EVENT, LAST), {}, id="whole"),
        pytest.param(chunked(EVENT + EVENT[:-1], EVENT[-1:] + LAST), {}, id="events-across-chunks"),
        pytest.param(chunked(EVENT + EVENT, LAST[:9], LAST[9:]), {}, id="end-across-chunks"),
        pytest.param(chunked(EVENT, EVENT), {"cut": 1}, id="without-done"),
        pytest.param(chunked(EVENT, LAST), {"cut": 1}, id="too-few"),
        pytest.param(chunked(EVENT, EVENT, LAST)[:-5], {"cut": 1}, id="closed-before-the-end"),
    ],
)
def test_a_stream_is_whole_when_it_says_so(body: bytes, failed: dict[str, int]) -> None:
    with BrokenServer(STREAM + body) as port:
        flags = ("-clients", "1", "-requests", "1", "-stream", "-chunks", "2")
        load = loading.ask(port, flags, core=CORE)

    assert load.failed == failed


def test_who_is_not_there_is_not_connected_to() -> None:
    (port,) = layout.free_ports(1)

    load = loading.ask(port, ("-clients", "1", "-requests", "1"), core=CORE)

    assert load.failed == {"not connected": 1}


def test_what_never_ends_is_given_up() -> None:
    with BrokenServer(b"", closes=False) as port:
        flags = ("-clients", "1", "-requests", "1", "-seconds", "0.1s", "-grace", "0.2s")
        load = loading.ask(port, flags, core=CORE)

    assert load.failed == {"unfinished": 1}


def test_a_rate_without_clients_to_hold_it_is_told() -> None:
    with BrokenServer(b"", closes=False) as port:
        flags = ("-clients", "1", "-rate", "100", "-seconds", "0.1s", "-grace", "0.1s")
        load = loading.ask(port, flags, core=CORE)

    assert load.failed == {"no client free": 9, "unfinished": 1}
