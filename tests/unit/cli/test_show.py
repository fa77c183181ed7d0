"""What people on call read, and what scripts get."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from deepseek_operator.cli import show
from deepseek_operator.cli.show import Standing
from tests.unit.samples import CPU_SPEC, Manifest, deepseek
from tests.unit.test_canary import NEW, OLD, Service
from tests.unit.world import served

NOW = datetime.fromisoformat("2026-03-01T13:00:00+00:00")


def whole(service: Service, generation: int = 2) -> Manifest:
    """The object as the API server would give it."""
    metadata = {"name": "chat", "namespace": "team", "generation": generation}
    return {"metadata": metadata, "spec": NEW, "status": service.stored}


@pytest.fixture
def service() -> Service:
    made = Service()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def test_a_canary_is_told_on_one_screen(service: Service) -> None:
    service.until(deepseek(**NEW, generation=2), "Analyzing")
    rollout = service.stored["rollout"]

    text = show.describe(whole(service), now=service.now + timedelta(seconds=7))

    assert text.splitlines()[0] == "team/chat"
    assert f"rollout   {rollout['at']}: Analyzing (Comparing) for 7 s, step 1 of 2" in text
    assert f"[####................] 20 % to {rollout['candidate']}, 80 %" in text
    assert "gateway   2 of 2 ready" in text
    assert "serving   tiny (" in text
    assert "RolledOut     False   Canary: tiny is a Canary (Analyzing, step 1 of 2, 20 %)" in text


def test_what_auto_has_chosen_is_told_with_the_reason(service: Service) -> None:
    service.until(deepseek(**NEW, generation=2), "Analyzing")
    manifest = whole(service)
    chosen = {"strategy": "Replace", "chosen": "there is no room for both revisions"}
    manifest["status"]["rollout"] |= chosen

    text = show.describe(manifest, now=service.now)

    assert "            Replace, chosen by Auto: there is no room for both revisions\n" in text


def test_what_is_compared_has_a_line_each(service: Service) -> None:
    service.until(deepseek(**NEW, generation=2), "Watching")
    for status in reversed(service.history):
        if status["rollout"]["phase"] == "Analyzing":
            service.stored = status
            break

    lines = show.describe(whole(service), now=service.now).splitlines()

    [late] = [line for line in lines if "timeToFirstToken over 0.25 s" in line]
    entry = service.stored["rollout"]["metrics"][3]
    assert "Good" in late
    assert f"{entry['candidateBad']} of {entry['candidateRequests']} (" in late
    assert f"{entry['stableBad']} of {entry['stableRequests']} (" in late


def test_how_long_it_still_takes_is_told_once_requests_tell(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    assert "decided in about" not in show.describe(whole(service), now=service.now)
    for _ in range(12):
        if "decisionSeconds" in service.one_pass(new)["rollout"]:
            break

    assert "decided in about" in show.describe(whole(service), now=service.now)


def test_what_was_not_counted_has_no_share(service: Service) -> None:
    service.until(deepseek(**NEW, generation=2), "Analyzing")

    lines = show.describe(whole(service), now=service.now).splitlines()

    [errors] = [line.split() for line in lines if line.strip().startswith("errors")]
    assert errors == ["errors", "Unknown", "-", "-"]


def test_who_stands_in_is_told_in_the_order_in_which_they_are_asked() -> None:
    service = Service()
    entries = [{"model": "DeepSeek-V4"}, {**CPU_SPEC, "model": "small"}]
    for _ in range(6):
        service.one_pass(deepseek(**OLD, fallback=entries))

    lines = show.describe(whole(service, 1), now=NOW).splitlines()

    first, second = (line for line in lines if line.startswith("  fallback  "))
    assert "DeepSeek-V4 (" in first
    assert "UnknownModel: spec.fallback[0].model: DeepSeek-V4 is not in the catalog" in first
    assert second.endswith("StandingBy: 1 of 1 replicas are ready")


def test_nothing_is_told_of_what_is_not_there() -> None:
    bare = {"metadata": {"name": "chat", "namespace": "team", "generation": 1}, "spec": {}}

    assert show.describe(bare, now=NOW).endswith("the operator has not seen the object yet")
    assert show.standing(bare) is Standing.UNDER_WAY


@pytest.mark.parametrize(
    ("phase", "code"),
    [("Analyzing", 2), ("Held", 3), ("RolledBack", 1), ("Watching", 0)],
)
def test_scripts_get_an_exit_code(service: Service, phase: str, code: int) -> None:
    new = deepseek(**NEW, generation=2)
    if phase in ("Held", "RolledBack"):
        service.until(new, "Analyzing")
        service.is_silent = phase == "Held"
        service.bad[service.stored["rollout"]["candidate"]] = 0.5
    service.until(new, phase)
    if phase == "RolledBack":
        service.one_pass(new)

    assert show.standing(whole(service)) == code


def test_what_is_told_of_an_older_spec_is_under_way(service: Service) -> None:
    assert show.standing(whole(service, generation=1)) is Standing.AS_ASKED
    assert show.standing(whole(service, generation=2)) is Standing.UNDER_WAY


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (0, "[....................]"),
        (1, "[#...................]"),
        (50, "[##########..........]"),
        (99, "[####################]"),
        (100, "[####################]"),
    ],
)
def test_a_share_is_drawn(percent: int, text: str) -> None:
    assert show.bar(percent) == text


def test_a_record_that_could_not_be_read_is_told() -> None:
    status: dict[str, Any] = {
        "rollout": {"phase": "Idle", "message": "what status kept is unreadable"},
        "conditions": [],
    }
    given = {
        "metadata": {"name": "chat", "namespace": "team", "generation": 1},
        "spec": {},
        "status": status,
    }

    assert "rollout   what status kept is unreadable" in show.describe(given, now=NOW)


def sized(**spec: object) -> Manifest:
    """An object that was resolved, as the API server would give it."""
    block = {
        "model": "DeepSeek-V3",
        "source": "pvc://v3",
        "accelerator": {"product": "NVIDIA-H200"},
    }
    stored = served(deepseek(**{**block, **spec})).stored  # type: ignore[arg-type]
    return {"metadata": {"name": "chat", "namespace": "team", "generation": 1}, "status": stored}


def test_what_was_derived_is_a_line_of_status_and_a_list_of_reasons() -> None:
    manifest = sized(batching={"maxConcurrentSequences": 8}, workload={"timePerOutputToken": "1ms"})

    text = show.describe(manifest, now=NOW)
    assert "sizing    DP8 with EP8 on H200, fp8, 114688 tokens, 8 at once, about " in text
    assert "            missed: workload.timePerOutputToken: " in text
    first, *lines = show.explain(manifest).splitlines()
    assert first.endswith("one replica on H200, for vllm 0.33.0")
    [sequences] = [one for one in lines if "maxConcurrentSequences" in one]
    assert "8 (set)" in sequences
    assert lines[-1].startswith("  missed: workload.timePerOutputToken: ")


def test_what_was_measured_stands_below_the_reasons() -> None:
    manifest = sized()
    manifest["status"]["sizing"]["measured"] = {
        "sequences": 512,
        "milliseconds": 64,
        "computedMilliseconds": 49,
        "ratio": "1.31",
        "message": "about as computed",
    }

    assert show.explain(manifest).splitlines()[-1] == (
        "  measured: 64 ms a token with 512 at once, 49 ms computed (1.31): about as computed"
    )

    live = {"sequences": 90, "milliseconds": 71, "computedMilliseconds": 58, "ratio": "1.22"}
    manifest["status"]["sizing"]["measured"]["live"] = live

    assert show.explain(manifest).splitlines()[-1] == (
        "  by users' requests: 71 ms a step with 90 at once, 58 ms computed (1.22)"
    )


def test_what_was_not_derived_is_told() -> None:
    manifest = sized(accelerator={})

    said = "accelerator.product is not set"
    assert f"  sizing    nothing derived: {said}" in show.describe(manifest, now=NOW)
    assert show.explain(manifest).endswith(f"nothing was derived: {said}")


def test_a_revision_that_nothing_is_known_of_has_no_line(service: Service) -> None:
    manifest = whole(service)
    del manifest["status"]["sizing"]

    assert "sizing" not in show.describe(manifest, now=NOW)
    assert "nothing is known of how its revision was made" in show.explain(manifest)


SCALED: Manifest = {
    "revision": "0123456789",
    "replicas": 3,
    "min": 1,
    "max": 8,
    "needed": "2.41",
    "reason": "Use",
    "message": "79% of the KV cache is in use",
    "since": "2026-03-01T12:00:15Z",
    "record": "{}",
}


def scaled(**changes: Any) -> Manifest:
    """An object whose number the operator decides."""
    status = {"autoscaling": [{**SCALED, **changes}]}
    return {"metadata": {"name": "chat", "namespace": "team", "generation": 1}, "status": status}


def test_a_number_that_is_decided_is_told_with_its_bounds_and_its_reason() -> None:
    said = "  scaled    0123456789: 3 of 1 to 8, 2.41 needed; Use since 2026-03-01T12:00:15Z: 79% of the KV cache is in use"

    assert show.describe(scaled(), now=NOW).splitlines()[2:] == [said]
    assert show.describe(scaled(held="autoscaling.max is 8"), now=NOW).splitlines()[2:] == [
        said,
        "            held: autoscaling.max is 8",
    ]


def test_one_that_sleeps_is_told_with_what_wakes_it() -> None:
    asleep = scaled(
        replicas=0, min=0, needed="0.00", reason="Idle", message="nobody has asked for 30 minutes"
    )

    assert show.describe(asleep, now=NOW).splitlines()[2:] == [
        "  scaled    0123456789: 0 of 0 to 8, 0.00 needed; Idle since 2026-03-01T12:00:15Z: nobody has asked for 30 minutes",
        "            asleep: the next request starts a replica and waits for it",
    ]


def test_programs_are_not_told_what_is_the_operators_alone() -> None:
    [entry] = show.document(scaled())["status"]["autoscaling"]

    assert entry == {name: value for name, value in SCALED.items() if name != "record"}
