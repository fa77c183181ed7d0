"""A Canary whose answers are examined, through whole passes: Jobs are played, everything else is the operator's."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from deepseek_operator.api import names
from deepseek_operator.build import asking
from deepseek_operator.build import quality as builders
from deepseek_operator.cli.show import describe
from deepseek_operator.observed import Observed, revision_of
from deepseek_operator.plan import Plan
from deepseek_serving.quality.spec import ExamSpec
from tests.unit.rollout.played import Pace
from tests.unit.samples import NOW, Manifest, check_against_kubernetes, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service

QUALITY: Manifest = {
    "prompts": {"name": "reference-prompts"},
    "minPassingPercent": 80,
    "maxDropPercent": 10,
    "everyStep": True,
    "webhook": {"url": "https://judge.team.svc/ok", "timeout": "5s"},
    "timeout": "5m",
}


def told(passed: int = 10, *, says: bool | None = True, **more: object) -> Manifest:
    """What a Job tells: of ten prompts so many passed; the stable revision passes all."""
    failed = [f"prompt-{number}: contains" for number in range(10 - passed)]
    return {
        "candidate": {"asked": 10, "passed": passed, "failed": failed},
        "stable": {"asked": 10, "passed": 10, "failed": []},
        "webhook": None if says is None else {"pass": says, "reason": "judged"},
        "failure": None,
        **more,
    }


@dataclass
class Examined(Service):
    """A service whose examinations end when a test says what they found."""

    found: Manifest | None = field(default_factory=told)
    """None: they are under way."""
    code: int = 0
    exams: dict[str, Manifest] = field(default_factory=dict)
    examiners: list[Manifest] = field(default_factory=list)
    made: list[Manifest] = field(default_factory=list)

    def observed(self) -> Observed:
        engines = tuple(replace(one, address=f"10.0.0.{len(one.pod)}") for one in self.told)
        found = super().observed()
        return replace(
            found,
            told=engines,
            exams=tuple(self.exams.values()),
            examiners=tuple(self.examiners),
        )

    def carry_out(self, plan: Plan) -> None:
        kept = [
            item for item in plan.delete if self.exams.pop(item["metadata"]["name"], None) is None
        ]
        super().carry_out(replace(plan, delete=tuple(kept)))
        for job in plan.start:
            name = job["metadata"]["name"]
            if names.QUALITY_LABEL in job["metadata"]["labels"] and name not in self.exams:
                self.made.append(job)
                uid = f"uid-{len(self.made)}"
                self.exams[name] = {**job, "metadata": {**job["metadata"], "uid": uid}}

    def one_pass(self, deployment: Any, *, seconds: int = 5) -> Manifest:
        for job in self.exams.values():
            if self.found is not None and "status" not in job:
                self._end(job, self.found)
        return super().one_pass(deployment, seconds=seconds)

    def _end(self, job: Manifest, found: Manifest) -> None:
        asked = ExamSpec.model_validate(self.spec_of(job)).targets.candidate
        document = found if asked else {**found, "candidate": None, "stable": None}
        stamp = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        job["status"] = {
            "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": stamp}]
        }
        end = {"exitCode": self.code, "message": json.dumps(document)}
        self.examiners.append(
            {
                "metadata": {"name": "x", "ownerReferences": [{"uid": job["metadata"]["uid"]}]},
                "status": {"containerStatuses": [{"state": {"terminated": end}}]},
            }
        )

    @staticmethod
    def spec_of(job: Manifest) -> Manifest:
        annotations = job["spec"]["template"]["metadata"]["annotations"]
        found: Manifest = json.loads(annotations[names.QUALITY_SPEC_ANNOTATION])
        return found


def wanting(quality: Manifest = QUALITY, **changes: Any) -> Any:
    """The new revision, examined so."""
    rollout = {**CANARY, "analysis": {"quality": quality}}
    return deepseek(**{**NEW, **changes, "rollout": rollout}, generation=2)


@pytest.fixture
def service() -> Examined:
    """The old revision serves."""
    made = Examined()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def test_a_good_candidate_is_examined_before_each_step_and_promoted(service: Examined) -> None:
    [old] = service.replicas

    service.until(wanting(), "Watching")

    assert len(service.made) == 3
    assert len({job["metadata"]["name"] for job in service.made}) == 3
    reviews = [ExamSpec.model_validate(service.spec_of(job)).webhook for job in service.made]
    told_of = [
        (one.review["step"], one.review["weight"], one.review["nextWeight"])
        for one in reviews
        if one is not None
    ]
    assert told_of == [(1, 0, 20), (2, 20, 50), (None, 50, 100)]
    passed = [event for event in service.events if event["reason"] == "QualityPassed"]
    assert len(passed) == 3
    assert "10 of 10 reference prompts" in passed[0]["message"]
    assert service.stored["rollout"]["stable"] == old


def test_no_user_meets_a_candidate_whose_answers_are_bad(service: Examined) -> None:
    [old] = service.replicas
    service.found = told(3)
    new = wanting()

    ended = service.until(new, "RolledBack", "Analyzing")
    for _ in range(3):
        service.one_pass(new)

    run = ended["rollout"]
    assert (run["phase"], run["reason"]) == ("RolledBack", "QualityFailed")
    assert "3 of 10 reference prompts" in run["message"]
    [entry] = [one for one in run["metrics"] if one["name"] == "quality"]
    assert (entry["verdict"], entry["candidateRequests"], entry["candidateBad"]) == ("Bad", 10, 7)
    assert (entry["stableRequests"], entry["stableBad"]) == (10, 0)
    assert run["quality"]["failed"][0] == "prompt-0: contains"
    assert (run["quality"]["before"], run["quality"]["verdict"]) == ("step 1", "Bad")
    assert run["candidate"] not in {key for key, _ in service.counted}
    assert service.replicas == {old: 8}
    assert any(event["reason"] == "QualityFailed" for event in service.events)


def test_worse_than_the_serving_revision_is_bad_though_it_is_enough(service: Examined) -> None:
    service.found = told(8)

    ended = service.until(wanting(), "RolledBack", "Analyzing")

    assert ended["rollout"]["reason"] == "QualityFailed"
    assert "at most 10 points fewer" in ended["rollout"]["message"]


def test_what_is_missing_holds_it_is_tried_again_and_goes_on(service: Examined) -> None:
    failure = {"reason": "PromptsMissing", "message": "ConfigMap reference-prompts is not there"}
    service.found, service.code = told(failure=failure, candidate=None, stable=None), 20
    new = wanting()

    held = service.until(new, "Held")["rollout"]
    assert (held["reason"], held["weight"]) == ("QualityUnknown", 0)
    assert "ConfigMap reference-prompts is not there" in held["message"]
    assert any(event["reason"] == "QualityUnknown" for event in service.events)
    for _ in range(20):
        service.one_pass(new)
    assert len(service.made) > 1
    assert {job["metadata"]["name"] for job in service.made} == {held_job(service)}

    service.found, service.code = told(), 0
    service.until(new, "Watching")


def held_job(service: Examined) -> str:
    [name] = service.exams
    return name


def test_a_judge_that_never_answers_takes_it_back_in_the_end(service: Examined) -> None:
    failure = {"reason": "WebhookUnanswered", "message": "TimeoutError"}
    service.found, service.code = told(says=None, failure=failure), 24

    ended = service.until(wanting(), "RolledBack", "Analyzing")["rollout"]

    assert ended["reason"] == "HeldTooLong"
    assert "WebhookUnanswered: TimeoutError" in ended["message"]


def test_an_aborted_run_asks_no_more(service: Examined) -> None:
    service.found = None
    new = wanting()
    service.until(new, "Starting")
    for _ in range(3):
        service.one_pass(new)
    assert len(service.exams) == 1
    command = f"abort:{service.stored['rollout']['at']}"
    metadata = new.metadata.model_copy(
        update={"annotations": {**new.metadata.annotations, names.COMMAND_ANNOTATION: command}}
    )
    aborted = new.model_copy(update={"metadata": metadata})

    service.until(aborted, "RolledBack")

    assert service.exams == {}


def test_what_was_asked_in_an_examination_is_counted_as_nobodys_request(
    service: Examined,
) -> None:
    """Its answers are short on purpose: as users' they would be the evidence of a bad candidate."""
    new = wanting()
    service.until(new, "Analyzing")
    key = service.stored["rollout"]["candidate"]
    service.found = None
    while len(service.made) < 2:
        service.one_pass(new)
    engine, pace = service.engine(key), service.engine(key).pace
    for _ in range(4):
        service.paces[key] = engine.pace = Pace(tokens=1.0)
        engine.answer(200)
        service.paces[key] = engine.pace = pace
        service.one_pass(new)
    service.found = told()

    service.until(new, "Watching", "RolledBack")

    run = service.stored["rollout"]
    assert run["phase"] == "Watching", run["message"]
    [empty] = [one for one in run["metrics"] if one["name"] == "empty"]
    assert empty["candidateBad"] == 0


def test_the_job_is_a_valid_one_without_prompts_and_runs_beside_the_candidate(
    service: Examined,
) -> None:
    secret: Manifest = {
        **QUALITY,
        "webhook": {
            **QUALITY["webhook"],
            "token": {"name": "judge", "key": "token"},
            "ca": {"name": "roots", "key": "ca.pem"},
        },
    }
    service.found = None
    new = wanting(secret)
    while not service.made:
        service.one_pass(new)

    [job] = service.made
    check_against_kubernetes(job)
    assert revision_of(job) == service.stored["rollout"]["candidate"]
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["args"] == [
        "--spec=/etc/quality/spec/spec.json",
        "--result-file=/dev/termination-log",
        "--prompts=/etc/quality/prompts",
        "--token-file=/etc/quality/token/token",
        "--ca-file=/etc/quality/ca/ca.crt",
    ]
    assert names.DEPLOYMENT_LABEL not in job["spec"]["template"]["metadata"]["labels"]
    assert job["spec"]["activeDeadlineSeconds"] == 300 + builders.CLOSING_SECONDS
    spec = ExamSpec.model_validate(service.spec_of(job))
    assert spec.model == "chat"
    assert spec.max_seconds == 300
    assert spec.targets.candidate[0].startswith("http://10.0.0.")
    assert spec.targets.stable
    assert pod["automountServiceAccountToken"] is False


def test_an_address_of_ipv6_is_written_as_urls_want_it() -> None:
    assert asking.url("fd00::1", 8000) == "http://[fd00::1]:8000"


def test_without_a_comparison_nobody_asks_the_serving_revision(service: Examined) -> None:
    service.found = None
    new = wanting({"prompts": {"name": "p"}})
    while not service.made:
        service.one_pass(new)

    spec = ExamSpec.model_validate(service.spec_of(service.made[0]))

    assert (bool(spec.targets.candidate), spec.targets.stable, spec.webhook) == (True, (), None)


def test_a_judge_alone_asks_no_engine(service: Examined) -> None:
    service.found = None
    new = wanting({"webhook": {"url": "https://judge.example"}})
    while not service.made:
        service.one_pass(new)

    spec = ExamSpec.model_validate(service.spec_of(service.made[0]))

    assert (spec.targets.candidate, spec.targets.stable) == ((), ())
    assert spec.webhook is not None
    assert {one["name"] for one in spec.webhook.review["metrics"]} >= {"errors", "empty"}


def test_status_of_the_command_line_shows_it(service: Examined) -> None:
    service.found = told(3)
    service.until(wanting(), "RolledBack")
    manifest = {"metadata": {"namespace": "team", "name": "chat"}, "status": service.stored}

    text = describe(manifest, now=NOW)

    assert "quality before step 1: Bad, 3 of 10 reference prompts" in text
    assert "not as expected: prompt-0: contains" in text
    assert "7 of 10 (70.00%)" in text


def test_a_setting_that_is_taken_away_holds_what_was_to_follow_it(service: Examined) -> None:
    """The run goes by what was asked when it began; the Job says what is not there any more."""
    service.found = None
    new = wanting()
    service.until(new, "Starting")
    while not service.made:
        service.one_pass(deepseek(**NEW, generation=3))

    spec = ExamSpec.model_validate(service.spec_of(service.made[0]))
    assert (spec.prompts_name, spec.webhook) == ("", None)
