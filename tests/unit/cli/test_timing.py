"""How long a rollout takes: a sum, of which every part says where it comes from."""

from pathlib import Path
from typing import Any

import pytest

from deepseek_operator.cli import timing
from deepseek_operator.cli.timing import Part, Time
from deepseek_operator.sizing import loading
from tests.unit.cli.test_plan import document, run, write

V3 = "model: DeepSeek-V3, accelerator: {product: NVIDIA-H200}"
THERE = ("--accelerators", "16xH200:8", "-o", "json")
GIVEN = ("--fetch-rate", "1GB/s", "--start-time", "5m")


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What is told of the time of a spec: all of it, and the seconds by part."""

    def made(spec: str, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
        assert run("plan", "-f", write(tmp_path, f"{{{V3}, {spec}}}"), *THERE, *words) in (0, 3)
        found = document(capsys)["time"]
        return found, {part["name"]: part["seconds"] for part in found["parts"]}

    return made


def test_the_sum_is_that_of_its_parts(told: Any) -> None:
    found, parts = told("replicas: 1", *GIVEN)

    assert list(parts) == ["fetch", "start", "warm-up"]
    assert parts == {"fetch": 688, "start": 300, "warm-up": None}
    assert (found["seconds"], found["complete"]) == (988, False)
    assert "at most 10 min (warmup.timeout)" in found["parts"][2]["why"]


def test_what_is_assumed_is_said_with_the_option_that_says_otherwise(told: Any) -> None:
    found, parts = told("warmup: {enabled: false}")

    fetch, start = (part["why"] for part in found["parts"])
    assert parts["fetch"] == pytest.approx(688.4e9 / timing.FETCH_BYTES_PER_SECOND, abs=1)
    assert "688 GB at 500 MB/s (assumed; --fetch-rate says another)" in fetch
    assert parts["start"] == pytest.approx(loading.loading_seconds(688.2e9), abs=5)
    assert "read at 200 MB/s and 10 min to compile" in start
    assert "--start-time says another" in start
    assert found["complete"]


def test_a_start_is_half_of_what_its_probe_allows() -> None:
    size = 688.2e9

    assert loading.loading_seconds(size) == 600 + size // loading.LOAD_BYTES_PER_SECOND


@pytest.mark.parametrize(
    ("spec", "seconds", "why"),
    [
        pytest.param("source: pvc://v3", 0, "in a volume of yours", id="own-volume"),
        pytest.param("source: hf://a/b", 688, "if the source holds as much", id="own-source"),
    ],
)
def test_a_fetch_is_of_the_weights_that_are_served(
    spec: str, seconds: int, why: str, told: Any
) -> None:
    found, parts = told(spec, *GIVEN)

    assert parts["fetch"] == seconds
    assert why in found["parts"][0]["why"]


def test_a_fetch_is_of_the_checkpoint_that_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "{model: DeepSeek-R1-Distill-Qwen-7B}")
    found = {}

    for form in ("none", "fp8"):
        words = ("--quantization", form, "--fetch-rate", "100MB/s", "-o", "json")
        assert run("plan", "-f", file, "--accelerators", "1xL40S:1", *words) == 0
        found[form] = document(capsys)["time"]["parts"][0]["seconds"]

    assert found["none"] == 152
    assert 80 < found["fp8"] < 100


CANARY = "rollout: {strategy: Canary, steps: [{weight: 10, minDuration: 2m}, {weight: 50, minDuration: 3m}]}"


def test_a_canary_takes_its_steps_at_least(told: Any) -> None:
    found, parts = told(CANARY, *GIVEN)

    assert (parts["step 1"], parts["step 2"], parts["decision"]) == (120, 180, None)
    assert "set workload.requestsPerSecond" in found["parts"][-1]["why"]
    assert found["strategy"] == "Canary"


def test_few_requests_make_its_steps_longer_and_tell_of_its_decision(told: Any) -> None:
    _, few = told(CANARY, "--requests-per-second", "0.5", *GIVEN)
    _, many = told(CANARY, "--requests-per-second", "5", *GIVEN)

    # A hundred of the candidate's, at a tenth of the requests.
    assert (few["step 1"], many["step 1"]) == (2000, 200)
    # Some 800 requests, of which those of the last step are some.
    assert 1100 < few["decision"] < 1300
    assert many["decision"] == 0


def test_steps_that_nobody_wrote_are_those_of_the_operator(told: Any) -> None:
    _, parts = told("rollout: {strategy: Auto}", *GIVEN)

    assert [parts[f"step {number}"] for number in (1, 2, 3, 4)] == [60, 60, 60, 60]


def test_copies_come_before_the_first_step(told: Any) -> None:
    mirror = "mirror: {percent: 10, minDuration: 4m, maxDuration: 10m}"
    spec = f"rollout: {{strategy: Canary, {mirror}}}"

    assert told(spec, *GIVEN)[1]["mirror"] == 240
    assert told(spec, "--requests-per-second", "0.1", *GIVEN)[1]["mirror"] == 600


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param("replicas: 0", "spec.replicas is 0: nothing starts", id="nobody"),
        pytest.param(
            "rollout: {strategy: Replace}",
            "nobody but spec.fallback answers for about 5 min of it",
            id="replace",
        ),
        pytest.param(
            "rollout: {strategy: Canary, steps: [{weight: 5}, {weight: 9, pause: true}]}",
            "it waits for an approval after step 2",
            id="pause",
        ),
        pytest.param(
            "rollout: {strategy: Canary, autoPromote: false}",
            "its promotion waits for an approval",
            id="by-hand",
        ),
        pytest.param("rollout: {strategy: Canary, paused: true}", "holds it", id="paused"),
    ],
)
def test_what_is_not_counted_is_said(spec: str, said: str, told: Any) -> None:
    found, _ = told(spec, *GIVEN)

    assert any(said in note for note in found["notes"])


def test_a_canary_alone_waits_for_approvals(told: Any) -> None:
    found, parts = told("rollout: {strategy: BlueGreen}", *GIVEN)

    assert not any("approval" in note for note in found["notes"])
    assert "step 1" not in parts


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fetch-rate", "fast"), "--fetch-rate: fast: write it as 500MB/s or 1.2GB/s"),
        (("--fetch-rate", "0MB/s"), "--fetch-rate: 0MB/s: write it as 500MB/s or 1.2GB/s"),
        (("--start-time", "soon"), "--start-time: soon: write it as 90s, 5m or 1h30m"),
        (("--start-time", ""), "--start-time: : write it as 90s, 5m or 1h30m"),
    ],
)
def test_a_rate_or_time_that_is_none_is_refused(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", "-f", write(tmp_path, f"{{{V3}}}"), *THERE, *words) == 1

    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "rate"), [("500MB/s", 500e6), ("1.2GB/s", 1.2e9), ("9kB/s", 9e3), ("7B/s", 7.0)]
)
def test_a_rate_is_in_bytes(text: str, rate: float) -> None:
    assert timing.fetch_rate(text) == rate


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400)])
def test_a_time_is_in_seconds(text: str, seconds: float) -> None:
    assert timing.start_time(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (0, "0 s"), (90, "90 s"), (720, "12 min"), (7260, "2 h 1 min")],
)
def test_times_are_read_by_people(seconds: float, said: str) -> None:
    assert timing.spoken(seconds) == said


def test_what_is_not_known_is_not_nothing() -> None:
    found = Time("First", (Part("a", 5.0, ""), Part("b", None, "")))

    assert (found.seconds, found.is_complete) == (5.0, False)


QWEN = "model: DeepSeek-R1-Distill-Qwen-7B, accelerator: {product: NVIDIA-H200, count: 1}"


def test_the_first_rollout_of_all_begins_with_another(told: Any) -> None:
    found, parts = told(f"rollout: {{strategy: Canary, from: {{{QWEN}}}}}", *GIVEN)

    begins = ["from: fetch", "from: start", "from: warm-up"]
    assert list(parts)[:6] == [*begins, "fetch", "start", "warm-up"]
    assert list(parts)[6:] == ["step 1", "step 2", "step 3", "step 4", "decision"]
    assert parts["from: fetch"] == 9
    assert (parts["from: start"], parts["fetch"]) == (300, 688)
    assert found["seconds"] == 9 + 300 + 688 + 300 + 4 * 60
    assert "rollout.from comes first, and is of the first rollout alone" in found["notes"]


def test_weights_that_both_serve_are_fetched_once(told: Any) -> None:
    _, parts = told(f"rollout: {{from: {{{V3}, batching: {{maxConcurrentSequences: 8}}}}}}", *GIVEN)

    assert (parts["from: fetch"], parts["fetch"]) == (688, 0)


def test_what_the_first_rollout_does_not_begin_with_takes_no_time(told: Any) -> None:
    found, parts = told(f"rollout: {{skipInitial: true, from: {{{QWEN}}}}}", *GIVEN)

    assert list(parts) == ["fetch", "start", "warm-up"]
    assert found["notes"]
    assert not any("rollout.from" in note for note in found["notes"])


def test_children_are_told_without_a_cluster_where_they_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, f"{{{V3}, replicas: 2}}")

    run("plan", "-f", file, *THERE)
    assert "children" not in document(capsys)
    run("plan", "-f", file, *THERE, "--children")
    found = document(capsys)["children"]

    engines = [one for one in found["objects"] if "accelerators" in one]
    assert [(one["kind"], one["replicas"], one["accelerators"]) for one in engines] == [
        ("Deployment", 2, 16)
    ]
    assert found["stalled"] is None


def test_children_that_will_not_be_are_told_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is derived with another form is right; of the file alone nothing is."""
    accelerator = "accelerator: {product: NVIDIA-H200}"
    file = write(tmp_path, f"{{model: DeepSeek-R1, quantization: nvfp4, {accelerator}}}")
    words = ("--accelerators", "8xH200:8", "--quantization", "fp8")

    assert run("plan", "-f", file, *words) == 0
    capsys.readouterr()
    assert run("plan", "-f", file, *words, "--children") == 1

    assert "the operator would make nothing new: spec.quantization" in capsys.readouterr().out
