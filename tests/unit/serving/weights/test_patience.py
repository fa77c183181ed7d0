"""What refusals mean, how long is waited, and what progress says."""

import datetime as dt
import json
from collections.abc import Iterator

import pytest

from deepseek_serving.weights import refusals, retries
from deepseek_serving.weights.errors import Permanent, Reason, Temporary
from deepseek_serving.weights.progress import Meter, Progress, Rate
from deepseek_serving.weights.retries import Patience, Policy
from deepseek_serving.weights.transport import Refusal

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)


def explained(status: int, headers: dict[str, str] | None = None) -> Permanent | Temporary:
    refusal = Refusal(status, headers or {}, "host")
    error = refusals.explain(refusal, what="file x", advice=lambda status: f"do {status}")
    assert isinstance(error, Permanent | Temporary)
    return error


@pytest.mark.parametrize(
    ("status", "code", "reason", "retryable"),
    [
        pytest.param(400, "", Reason.INVALID_SOURCE, False, id="400"),
        pytest.param(401, "", Reason.UNAUTHORIZED, False, id="401"),
        pytest.param(401, "GatedRepo", Reason.GATED_LICENCE, False, id="401-gated"),
        pytest.param(403, "", Reason.UNAUTHORIZED, False, id="403"),
        pytest.param(403, "GatedRepo", Reason.GATED_LICENCE, False, id="403-gated"),
        pytest.param(404, "", Reason.NOT_FOUND, False, id="404"),
        pytest.param(410, "", Reason.NOT_FOUND, False, id="410"),
        pytest.param(408, "", Reason.SERVER_ERROR, True, id="408"),
        pytest.param(429, "", Reason.SERVER_ERROR, True, id="429"),
        pytest.param(500, "", Reason.SERVER_ERROR, True, id="500"),
        pytest.param(503, "", Reason.SERVER_ERROR, True, id="503"),
    ],
)
def test_a_status_is_named_as_what_it_is(
    status: int, code: str, reason: Reason, retryable: bool
) -> None:
    error = explained(status, {"x-error-code": code})

    assert (error.reason, error.retryable) == (reason, retryable)
    assert f"host answers {status} for file x" in error.message


def test_a_person_is_told_what_to_do() -> None:
    assert explained(404).message.endswith("do 404")
    assert "accept its licence" in explained(403, {"x-error-code": "GatedRepo"}).message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("Tue, 24 Nov 2026 12:00:30 GMT", 30.0, id="date"),
        pytest.param("Tue, 24 Nov 2026 12:00:30 -0000", 30.0, id="date-without-zone"),
        pytest.param("Tue, 24 Nov 2026 11:00:00 GMT", 0.0, id="past"),
        pytest.param("99999", 600.0, id="beyond-reason"),
        pytest.param("soon", None, id="words"),
        pytest.param("", None, id="none"),
    ],
)
def test_a_server_may_ask_for_a_pause(text: str, seconds: float | None) -> None:
    assert refusals.retry_after({"retry-after": text}, now=NOW) == seconds


def failed(reason: Reason = Reason.SERVER_ERROR, after: float | None = None) -> Temporary:
    return Temporary(reason, "it failed", retry_after=after)


def test_pauses_double_up_to_a_limit_and_are_spread() -> None:
    policy = Policy(attempts=10, first_pause=1.0, longest_pause=5.0)
    shortest, longest = Patience(policy, dice=lambda: 0.0), Patience(policy, dice=lambda: 1.0)

    assert [shortest.pause_after(failed()) for _ in range(4)] == [0.5, 1.0, 2.0, 2.5]
    assert [longest.pause_after(failed()) for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]


def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    assert Patience(Policy(), dice=lambda: 0.0).pause_after(failed(after=9.0)) == 9.0


def test_patience_ends_after_failures_in_a_row() -> None:
    patience = Patience(Policy(attempts=3))
    patience.pause_after(failed())
    patience.pause_after(failed())
    patience.progressed()
    patience.pause_after(failed())
    patience.pause_after(failed())

    with pytest.raises(Temporary, match="it failed, 3 times in a row"):
        patience.pause_after(failed())


def test_fewer_stalls_are_borne_than_failures() -> None:
    patience = Patience(Policy(attempts=9, stalls=2))
    patience.pause_after(failed())
    patience.pause_after(failed(Reason.STALLED))

    with pytest.raises(Temporary, match="it failed") as error:
        patience.pause_after(failed(Reason.STALLED))

    assert error.value.reason is Reason.STALLED


def test_an_action_is_tried_until_it_works() -> None:
    outcomes: Iterator[Temporary | int] = iter([failed(), failed(), 42])
    waited: list[float] = []

    def action() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, Temporary):
            raise outcome
        return outcome

    result = retries.persistently(
        action, policy=Policy(), wait=lambda seconds, _: waited.append(seconds)
    )
    assert (result, len(waited)) == (42, 2)


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate(window_seconds=10.0)

    assert rate.per_second(0.0, 0) == 0
    assert rate.per_second(2.0, 200) == 100
    assert rate.per_second(10.0, 1000) == 100
    assert rate.per_second(20.0, 1000) == 0


def test_progress_tells_bytes_files_rate_and_rest() -> None:
    now = 0.0
    meter = Meter(clock=lambda: now)
    assert meter.progress() == Progress()
    meter.expect(files=2, size=300)
    meter.begin("a")
    meter.found(50)
    assert (meter.progress().phase, meter.progress().current_file) == ("verifying", "a")

    meter.fetched("a", 50)
    meter.finish("a")
    meter.begin("b")
    meter.fetched("b", 100)
    now = 10.0

    assert meter.progress().document() == {
        "phase": "fetching",
        "bytesDone": 200,
        "bytesTotal": 300,
        "filesDone": 1,
        "filesTotal": 2,
        "bytesPerSecond": 15,
        "secondsLeft": 7,
        "currentFile": "b",
    }
    assert meter.fetched_bytes == 150


def test_what_is_being_fetched_is_shown_before_what_is_being_read() -> None:
    meter = Meter(clock=lambda: 0.0)
    meter.expect(files=2, size=2)
    meter.begin("read")
    meter.begin("fetched")
    meter.fetched("fetched", 1)

    assert meter.progress().current_file == "fetched"


def test_progress_goes_through_json_and_back() -> None:
    progress = Progress("fetching", 1, 2, 3, 4, 5, 6, "ü")

    assert Progress.from_document(json.loads(progress.line())) == progress
    assert Progress.from_document({"later": 1}) == Progress()
    assert "\n" not in progress.line()
