"""What programs of a group say to each other, and what is none of it."""

import socket
from collections.abc import Iterator

import pytest

from deepseek_serving.ranks import lines
from deepseek_serving.ranks.lines import EndedError, Line


@pytest.fixture
def both() -> Iterator[tuple[Line, socket.socket]]:
    one, other = socket.socketpair()
    line = Line(one)
    yield line, other
    line.close()
    other.close()


def test_an_object_is_heard_once_it_is_whole(both: tuple[Line, socket.socket]) -> None:
    line, other = both
    other.sendall(b'{"index": 1}\n{"inde')
    assert line.hear() == [{"index": 1}]

    other.sendall(b'x": 2}\n')
    assert line.hear() == [{"index": 2}]


@pytest.mark.parametrize("said", [b"\xff\n", b"1\n", b"[" * 9000 + b"\n"])
def test_what_is_no_object_ends_it(both: tuple[Line, socket.socket], said: bytes) -> None:
    line, other = both
    other.sendall(said)

    with pytest.raises(EndedError, match="no line of ours"):
        line.hear()


def test_a_line_without_an_end_ends_it(both: tuple[Line, socket.socket]) -> None:
    line, other = both

    def hear_all() -> None:
        for _ in range(lines.MOST_BYTES // 10_000 + 1):
            other.sendall(b"x" * 10_000)
            assert line.hear() == []

    with pytest.raises(EndedError, match="without an end"):
        hear_all()


def test_who_went_is_neither_heard_nor_told(both: tuple[Line, socket.socket]) -> None:
    line, other = both
    assert line.peer == "this pod"
    other.close()

    with pytest.raises(EndedError, match="closed"):
        line.hear()
    with pytest.raises(EndedError):
        line.say(index=1)
