"""Clients and their keys, as a Secret has them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_serving.gateway import keys
from deepseek_serving.gateway.document import ClientLimits
from deepseek_serving.gateway.keys import Clients

A, B, C = (f"key-of-{name}-0123456789" for name in "abc")
KNOWN = Clients({A: "alice", B: "bob"})


def test_an_entry_is_a_client_and_its_keys_one_a_line() -> None:
    read = keys.read({"alice": f"{A}\r\n\n  {B} \n{A}\n".encode(), "bob": C.encode()}, Clients())

    assert read == Clients({A: "alice", B: "alice", C: "bob"})
    assert read.names == ("alice", "bob")


def test_nothing_at_all_changes_nothing() -> None:
    assert keys.read({}, KNOWN).by_key == KNOWN.by_key
    [said] = keys.read({}, Clients()).trouble
    assert "make one entry a client" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b" \n", "entry bob: it is empty", id="empty"),
        pytest.param(b"fifteen-charact", "entry bob: a key has 16 to 512 characters", id="short"),
        pytest.param(b"x" * 513, "entry bob: a key has 16 to 512 characters", id="long"),
        pytest.param(b"two words of a sentence", "entry bob: a key is visible ASCII", id="space"),
        pytest.param("schlüssel-mit-umlaut".encode(), "entry bob: a key is visible", id="umlaut"),
        pytest.param(b"\xff\xfe" * 20, "entry bob: a key is visible ASCII", id="binary"),
    ],
)
def test_a_malformed_entry_leaves_its_client_as_it_was_and_others_alone(
    content: bytes, said: str
) -> None:
    read = keys.read({"bob": content, "carol": C.encode()}, KNOWN)

    assert dict(read.by_key) == {B: "bob", C: "carol"}
    assert len(read.trouble) == 1
    assert read.trouble[0].startswith(said)


def test_a_malformed_entry_lets_nobody_new_in() -> None:
    assert keys.read({"carol": b"short"}, Clients()).by_key == {}


def test_a_key_of_two_is_of_who_had_it() -> None:
    both = {"alice": B.encode(), "bob": B.encode()}

    assert keys.read(both, KNOWN).by_key == {B: "bob"}
    assert keys.read(both, Clients()).by_key == {}
    assert keys.read(both, KNOWN).trouble == (
        "entries alice and bob have the same key: give each its own",
    )


def test_there_are_bounds() -> None:
    many = {f"c{number:04}": f"{number:020}".encode() for number in range(1001)}

    read = keys.read({**many, "x" * 64: A.encode()}, Clients())

    assert len(read.names) == 1000
    assert [said.partition(": ")[2] for said in read.trouble] == [
        "there are at most 1000 clients",
        "a client's name has at most 63 characters",
    ]


entries = st.dictionaries(
    st.sampled_from(["alice", "bob", "carol"]),
    st.lists(st.sampled_from([A, B, C, "short", ""]), max_size=3),
)


@given(entries, entries)
def test_nobody_gets_in_by_a_key_that_is_nowhere(
    before: dict[str, list[str]], after: dict[str, list[str]]
) -> None:
    """And what is said of a Secret holds no key of it."""

    def secret(given: dict[str, list[str]]) -> dict[str, bytes]:
        return {name: "\n".join(lines).encode() for name, lines in given.items()}

    known = keys.read(secret(before), Clients())
    read = keys.read(secret(after), known)

    for key, name in read.by_key.items():
        held = key in after.get(name, []) or key in before.get(name, [])
        assert held
        assert not after or name in after
    assert not any(key in f"{read!r}{read.trouble}" for key in (A, B, C))


def limiter(limits: ClientLimits) -> dict[str, Any]:
    found: dict[str, Any] = keys.configurations(KNOWN, limits)[1]["typed_config"]
    return found


def test_the_configuration_of_limits_is_the_same_for_other_keys() -> None:
    """One that changes begins anew, and everybody's minute with it."""
    limits = ClientLimits(60, {"bob": 6})

    assert (
        keys.configurations(KNOWN, limits)[1] == keys.configurations(Clients({C: "x"}), limits)[1]
    )


@pytest.mark.parametrize(
    ("limits", "pause"),
    [
        (ClientLimits(), "1"),
        (ClientLimits(7), "9"),
        (ClientLimits(6000, {"bob": 60}), "1"),
        (
            ClientLimits(6, {"bob": 60}),
            "%CEL(request.headers['x-dsd-client'] == 'bob' ? '1' : '10')%",
        ),
    ],
)
def test_who_is_refused_is_told_when_there_is_room(limits: ClientLimits, pause: str) -> None:
    [header] = limiter(limits)["response_headers_to_add"]

    assert header["header"] == {"key": "retry-after", "value": pause}


def test_a_limit_of_nobody_is_told() -> None:
    assert keys.unknown(ClientLimits(1, {"bob": 1, "zoe": 2}), KNOWN.names) == ("zoe",)
