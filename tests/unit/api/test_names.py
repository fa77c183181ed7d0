"""Names of children: short enough, and never two objects' at once."""

import pytest

from deepseek_operator.api import names

KEY = "0123456789"


@pytest.mark.parametrize(
    ("name", "child"),
    [
        pytest.param("chat", "chat-0123456789", id="short"),
        pytest.param("a" * 52, "a" * 52 + "-0123456789", id="just-fits"),
        pytest.param(
            "a" * 53, "a" * 41 + "-" + names.digest("a" * 53) + "-0123456789", id="one-too-long"
        ),
        pytest.param(
            "b" * 40 + "-" * 5 + "c" * 18,
            "b" * 40 + "-" + names.digest("b" * 40 + "-" * 5 + "c" * 18) + "-0123456789",
            id="no-dashes-pile-up-at-the-cut",
        ),
    ],
)
def test_a_child_is_named_after_its_object_and_revision(name: str, child: str) -> None:
    assert child == names.revision_child(name, KEY)
    assert len(child) <= 63


def test_a_groups_name_leaves_room_for_what_stateful_sets_add() -> None:
    assert names.revision_group("chat", KEY) == names.revision_child("chat", KEY)
    longest = names.revision_group("a" * 63, KEY)
    assert longest == "a" * 26 + "-" + names.digest("a" * 63) + "-0123456789"
    # The label controller-revision-hash of the workers of the last group that an object may have.
    assert len(f"{longest}-999-{'h' * 10}") <= 63


def test_long_names_that_differ_only_at_their_end_have_different_children() -> None:
    one, other = "a" * 62 + "b", "a" * 62 + "c"

    assert names.revision_child(one, KEY) != names.revision_child(other, KEY)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        pytest.param("chat", True, id="plain"),
        pytest.param("c", True, id="one-letter"),
        pytest.param("a" * 63, True, id="63-characters"),
        pytest.param("a" * 64, False, id="64-characters"),
        pytest.param("", False, id="empty"),
        pytest.param("1chat", False, id="digit-first"),
        pytest.param("Chat", False, id="upper-case"),
        pytest.param("chat-", False, id="dash-last"),
        pytest.param("a.b", False, id="dot"),
        pytest.param("chat\n", False, id="line-end"),
        pytest.param("chat-0123456789", False, id="looks-like-a-revision"),
        pytest.param("chat-abcdefabcd", False, id="looks-like-a-revision-of-letters"),
        pytest.param("chat-012345678", True, id="nine-digits-are-no-revision"),
        pytest.param("chat-01234567890", True, id="eleven-digits-are-no-revision"),
        pytest.param("chat-012345678g", True, id="no-hexadecimal-digit"),
        pytest.param("0123456789", False, id="only-digits"),
        pytest.param("abcdefabcd", True, id="hexadecimal-without-a-dash"),
    ],
)
def test_an_object_may_not_be_named_like_a_revision(name: str, *, allowed: bool) -> None:
    assert allowed is names.is_object_name(name)
