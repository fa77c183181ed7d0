"""The result as the operator reads it: complete in the log, within 4 KiB as a termination message."""

import json

from hypothesis import given
from hypothesis import strategies as st

from deepseek_serving.warmup import bodies
from deepseek_serving.warmup.failures import Failure, Reason
from deepseek_serving.warmup.figures import Figure
from deepseek_serving.warmup.reference import Reference
from deepseek_serving.warmup.result import LIMIT_BYTES, Result, Shape, encode, encode_short

START = "0f9d3b1c-5a41-4c6e-9a53-2f1c7e0b8d66-4711"


def shape(cold: float, warm: float = 0.1) -> Shape:
    return Shape((Figure(cold, None), Figure(warm, 0.02)), stable=True)


def test_a_result_says_everything() -> None:
    result = Result(
        process_start=START,
        opened=True,
        requests=2,
        seconds=19.312,
        shapes={"chat": shape(19.1)},
        reference=Reference(2, 0.01, ((("Paris", -0.1), ("London", -3.5)),)),
        left_out=["mixed: more than maxRequests"],
    )

    assert json.loads(encode_short(result.to_document())) == {
        "processStart": START,
        "opened": True,
        "requests": 2,
        "seconds": 19.3,
        "failure": None,
        "logProbabilities": {
            "prompt": "88593e0d7c2a",
            "runs": 2,
            "spread": 0.01,
            "positions": [[["Paris", -0.1], ["London", -3.5]]],
        },
        "leftOut": ["mixed: more than maxRequests"],
        "shapes": {
            "chat": {"coldMs": [19100, None], "warmMs": [100, 20], "rounds": 2, "stable": True}
        },
        "shapesLeftOut": 0,
    }


def test_stored_log_probabilities_are_those_of_this_very_request() -> None:
    """Another request has another name; whoever changes it makes all stored values worthless."""
    assert bodies.reference_id() == "88593e0d7c2a"


def test_a_failure_says_what_to_do() -> None:
    result = Result(failure=Failure(Reason.EMPTY_ANSWER, "chat: 0 tokens without text"))
    failure = result.to_document()["failure"]

    assert failure["reason"] == "EmptyAnswer"
    assert failure["message"] == "chat: 0 tokens without text"
    assert failure["remedy"] == Reason.EMPTY_ANSWER.remedy
    assert result.exit_code == 12


def test_reasons_have_exit_codes_and_remedies_of_their_own() -> None:
    assert [reason.exit_code for reason in Reason] == [10, 11, 12, 13, 14, 15, 16]
    assert len({reason.remedy for reason in Reason}) == len(Reason)


def test_of_too_many_shapes_the_coldest_stay() -> None:
    shapes = {f"shape-{number}": shape(cold=float(number)) for number in range(100)}
    document = Result(shapes=shapes).to_document()
    short = json.loads(encode_short(document))

    assert len(encode(document)) > LIMIT_BYTES
    assert len(encode_short(document)) <= LIMIT_BYTES
    left = len(short["shapes"])
    assert short["shapesLeftOut"] == 100 - left
    assert list(short["shapes"]) == [f"shape-{number}" for number in range(100 - left, 100)]


def test_of_too_many_notes_the_first_stay() -> None:
    notes = [f"concurrency-{number}: more than maxRequests" for number in range(200)]
    short = json.loads(encode_short(Result(left_out=notes).to_document()))

    assert short["leftOut"] == [*notes[:4], "and 196 more"]


positions = st.lists(
    st.lists(st.tuples(st.text(max_size=60), st.floats(-10, 0)), max_size=3).map(tuple), max_size=8
).map(tuple)


@given(
    st.builds(
        Result,
        process_start=st.just(START),
        requests=st.integers(0, 10**6),
        seconds=st.floats(0, 10**6),
        shapes=st.dictionaries(
            st.text(max_size=40), st.builds(shape, st.floats(0, 10**5)), max_size=60
        ),
        reference=st.builds(Reference, st.integers(1, 99), st.floats(0, 99), positions),
        left_out=st.lists(st.text(max_size=900), max_size=30),
        failure=st.builds(Failure, st.sampled_from(Reason), st.text(max_size=2000)),
    )
)
def test_a_result_is_never_longer_than_the_kubelet_keeps(result: Result) -> None:
    text = encode_short(result.to_document())

    assert len(text.encode()) <= LIMIT_BYTES
    assert json.loads(text)["processStart"] == START
    assert "\n" not in text
