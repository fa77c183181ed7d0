"""The warm-up of one engine process: wait, ask, judge, open the lock."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from deepseek_serving.warmup import bodies, figures, reference
from deepseek_serving.warmup.answers import Position
from deepseek_serving.warmup.client import Clock, Engine, Seen, Timing, Warden
from deepseek_serving.warmup.failures import Failure, Reason
from deepseek_serving.warmup.figures import Figure
from deepseek_serving.warmup.plan import make_plan
from deepseek_serving.warmup.requests import CHAT, Check, Group, Request
from deepseek_serving.warmup.result import Result, Shape
from deepseek_serving.warmup.spec import WarmupSpec

POLL_SECONDS = 0.5
"""Between two questions to a server that is not there yet."""

REPEAT_SHARE = 0.5
"""Of the time limit: after it, groups are sent once each, so that none is left cold for another's
second decimal."""

_SECOND_OPINION_SECONDS = 10.0
"""One short request more, to an engine that has just answered one."""

_OPENED_ANYWAY = (Reason.TIMED_OUT, Reason.REFUSED)
"""What onFailure: Serve forgives; an engine that answers garbage is never opened."""

Say = Callable[[str], None]


def say(line: str) -> None:
    """Into the Job's log; standard output is the result's."""
    print(line, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Warmup:
    """One run: its servers, its clock, and what it has found so far."""

    spec: WarmupSpec
    engine: Engine
    warden: Warden
    clock: Clock
    poll_seconds: float = POLL_SECONDS
    say: Say = say
    result: Result = field(default_factory=Result)
    _began: float = 0.0
    _is_confirmed: bool = False
    _runs: list[list[Position]] = field(default_factory=list)

    async def run(self) -> Result:
        """The result, whatever happens; the lock is open if it says so."""
        asked = self.clock()
        try:
            await self._attempt()
        except asyncio.CancelledError:
            told = Failure(Reason.TIMED_OUT, "the warm-up was told to stop")
            self.result.failure = self.result.failure or told
        self.result.seconds = self.clock() - asked
        self.result.reference = reference.compare(self._runs)
        return self.result

    async def _attempt(self) -> None:
        try:
            await self._wait()
            await self._within_limit()
        except Failure as failure:
            self.result.failure = failure
            await self._explain(failure)

    async def _wait(self) -> None:
        """Until the engine answers under its name, and the pod's probe has seen its process."""
        last = "GET /health: the engine is silent"
        try:
            async with asyncio.timeout(self.spec.wait_seconds):
                while self.result.process_start is None:
                    try:
                        await self._look()
                    except Failure as failure:
                        if failure.reason is Reason.WRONG_MODEL or failure.status in (401, 403):
                            raise
                        last = failure.message
                        await asyncio.sleep(self.poll_seconds)
        except TimeoutError as error:
            raise Failure(Reason.NOT_ANSWERING, last) from error

    async def _look(self) -> None:
        await self.engine.check_health()
        self._began = self.clock()
        served = await self.engine.models()
        if self.spec.model not in served:
            names = ", ".join(sorted(served)) or "nothing"
            raise Failure(Reason.WRONG_MODEL, f"the engine serves {names}, not {self.spec.model}")
        seen = await self.warden.seen()
        if seen.start is None:
            raise Failure(Reason.NOT_ANSWERING, "the readiness probe has seen no process yet")
        self.spec = self.spec.limited_to(served[self.spec.model])
        self.result.process_start = seen.start

    async def _within_limit(self) -> None:
        plan = make_plan(self.spec)
        self.result.left_out += plan.left_out
        named = f"{self.spec.model} on {self.spec.engine}"
        self.say(f"{named}: {len(plan.groups)} groups, at most {plan.requests} requests")
        done: list[Group] = []
        try:
            async with asyncio.timeout(self.spec.max_seconds):
                for group in plan.groups:
                    await self._warm(group)
                    await self._check_process()
                    done.append(group)
                await self._open()
        except TimeoutError as error:
            progress = f"{len(done)} of {len(plan.groups)} groups"
            message = f"{progress} were done after {self.spec.max_seconds:g} s"
            raise Failure(Reason.TIMED_OUT, message) from error

    async def _warm(self, group: Group) -> None:
        """One group, until it is stable or has had its rounds."""
        rounds: list[Figure] = []
        try:
            while len(rounds) < group.rounds and not figures.are_stable(rounds):
                if rounds and self._is_late():
                    break
                timings = await self._round(group, len(rounds))
                rounds.append(figures.figure(timings))
        except Failure as failure:
            if group.essential or not failure.blames_request:
                raise
            self.result.left_out.append(f"{group.name}: {failure.message}")
            self.say(f"left out: {group.name}: {failure.message}")
        if rounds:
            self._note(group.name, Shape(tuple(rounds), stable=figures.are_stable(rounds)))

    def _is_late(self) -> bool:
        return self.clock() - self._began > REPEAT_SHARE * self.spec.max_seconds

    def _note(self, name: str, shape: Shape) -> None:
        self.result.shapes[name] = shape
        cold, warm = shape.rounds[0].milliseconds(), shape.rounds[-1].milliseconds()
        self.say(f"{name}: {cold} ms cold, {warm} ms after {len(shape.rounds)} rounds")

    async def _round(self, group: Group, number: int) -> list[Timing]:
        """Each request of a round, `concurrency` at a time; the first failure ends it."""
        waiting = deque(range(group.count))
        timings: list[Timing] = []

        async def work() -> None:
            while waiting:
                timings.append(await self._ask(group, number, waiting.popleft()))

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(group.concurrency, group.count)):
                    tasks.create_task(work())
        except ExceptionGroup as errors:
            failures, others = errors.split(Failure)
            if failures is None or others is not None:
                raise
            raise failures.exceptions[0] from errors
        return timings

    async def _ask(self, group: Group, number: int, index: int) -> Timing:
        request = group.request(number, index)
        self.result.requests += 1
        answer, timing = await self.engine.ask(request)
        answer.check(request.check, model=self.spec.model, asked=group.name)
        if request.check is Check.LOG_PROBABILITIES:
            self._runs.append(answer.positions)
        return timing

    async def _check_process(self) -> None:
        """Raise Failure if the engine's process is another one than at the beginning.

        A probe's word counts as confirmation only if it is younger than the engine's first answer:
        until its first probe a new process stands in the old one's name. A warden that is silent is
        asked again after the next group.
        """
        try:
            seen = await self.warden.seen()
        except Failure as failure:
            self.say(f"not confirmed yet: {failure}")
            return
        if seen.start != self.result.process_start:
            raise self._restarted(seen)
        self._is_confirmed |= seen.age_seconds < self.clock() - self._began

    def _restarted(self, seen: Seen) -> Failure:
        message = f"process {seen.start} runs, process {self.result.process_start} was warmed"
        return Failure(Reason.RESTARTED, message)

    async def _open(self) -> None:
        """Open the lock for exactly this process, once a probe has confirmed that it runs."""
        while not self._is_confirmed:
            await asyncio.sleep(self.poll_seconds)
            await self._check_process()
        await self._open_now()

    async def _open_now(self) -> None:
        if self.result.process_start is not None:
            await self.warden.open(self.result.process_start)
            self.result.opened = True

    async def _explain(self, failure: Failure) -> None:
        """Give a failure its true name, and open the lock if the failure is to be forgiven."""
        if failure.reason is Reason.EMPTY_ANSWER:
            await self._look_for_garbage()
        if self.result.process_start is None:
            return
        try:
            seen = await self.warden.seen()
            if seen.start != self.result.process_start:
                self.result.failure = self._restarted(seen)
            elif self.spec.on_failure == "Serve" and failure.reason in _OPENED_ANYWAY:
                await self._open_now()
        except Failure as silent:
            self.say(f"after the failure: {silent}")

    async def _look_for_garbage(self) -> None:
        """An engine that computes no numbers says nothing either; only log-probabilities tell."""
        if self.result.requests >= self.spec.max_requests:
            return
        body = bodies.reference(self.spec.model)
        self.result.requests += 1
        try:
            async with asyncio.timeout(_SECOND_OPINION_SECONDS):
                answer, _ = await self.engine.ask(Request(CHAT, body, Check.LOG_PROBABILITIES))
            answer.check_finite(asked="log-probabilities")
        except Failure as other:
            if other.reason is Reason.NOT_FINITE:
                self.result.failure = other
        except TimeoutError:
            self.say("the engine does not answer any more")
