"""An object that sleeps, through reconcile(): what a pass asks, and at which gateways the operator listens."""

from collections.abc import Sequence
from datetime import timedelta

from deepseek_operator.engines.figures import Engine, EngineFigures
from deepseek_operator.observed import Gateway
from deepseek_operator.reconcile import Key, reconcile
from deepseek_operator.report import Outcome
from tests.unit.fake_api import Call, FakeApi
from tests.unit.fake_controllers import play
from tests.unit.samples import IMAGES, NOW, Manifest, conditions
from tests.unit.test_calls import DEFAULT
from tests.unit.test_reconcile import KEY, OBJECT, put_object

LAZY: Manifest = {**DEFAULT, "autoscaling": {"min": 0, "max": 2, "scaleToZeroDelay": "2m"}}
ADDRESS = "10.0.0.1"
"""Of every pod that the fake controllers start."""
IDLE = EngineFigures(finished={}, running=0.0, waiting=0.0, cache_use=0.0)


class Night:
    """Pass after pass, 15 seconds apart; nobody asks until the test does."""

    def __init__(self) -> None:
        self.api = FakeApi()
        put_object(self.api, **LAZY)
        self.now = NOW
        self.held: dict[str, int] = {}
        self.last: list[Call] = []

    async def ask_gateways(self, pods: Sequence[Manifest]) -> tuple[Gateway, ...]:
        hold = {"held": self.held, "asked": {}}
        report = {"taken": "1", "counted": {"requests": [], "active": {}}, "hold": hold}
        return tuple(Gateway(pod["metadata"]["name"], is_ready=True, report=report) for pod in pods)

    async def ask_engines(self, pods: Sequence[Manifest]) -> tuple[Engine, ...]:
        label = "serving.deepseek.dev/revision"
        return tuple(
            Engine(
                pod["metadata"]["name"],
                pod["metadata"]["labels"][label],
                is_ready=True,
                figures=IDLE,
            )
            for pod in pods
        )

    async def one(self) -> Outcome:
        """A pass, and what the controllers make of it."""
        self.api.calls.clear()
        outcome = await reconcile(
            self.api.kube(),
            Key(*KEY),
            images=IMAGES,
            now=self.now,
            ask_gateways=self.ask_gateways,
            ask_engines=self.ask_engines,
        )
        self.last = list(self.api.calls)
        play(self.api)
        self.now += timedelta(seconds=15)
        return outcome

    @property
    def reason(self) -> str:
        return str(conditions(self.api.objects[OBJECT]["status"])["Ready"]["reason"])

    async def until(self, reason: str) -> Outcome:
        for _ in range(40):
            outcome = await self.one()
            if self.reason == reason:
                return outcome
        raise AssertionError(f"not {reason}, but {self.reason}")


async def test_while_it_sleeps_a_pass_reads_two_lists_more_and_writes_nothing() -> None:
    """The engine's pods, as with every `autoscaling`, and the gateway's."""
    night = Night()
    await night.until("Sleeping")
    await night.one()
    outcome = await night.one()

    assert outcome.writes == 0
    assert outcome.requeue_seconds == 15.0
    assert {call.method for call in night.last} == {"GET"}
    assert len(night.last) <= 12


async def test_it_is_listened_to_from_the_pass_that_lets_it_sleep_until_the_one_that_wakes_it() -> (
    None
):
    night = Night()
    awake = await night.until("Serving")
    assert awake.asleep_at == ()

    asleep = await night.until("Sleeping")
    assert asleep.asleep_at == (ADDRESS,)
    assert (await night.one()).asleep_at == (ADDRESS,)

    status = night.api.objects[OBJECT]["status"]
    night.held = {status["serving"]["revision"]: 1}
    woken = await night.one()

    assert woken.asleep_at == ()
    assert woken.result == "recorded"
    await night.until("Serving")
