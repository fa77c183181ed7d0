"""A leader's side of its group: which workers are there, and what each is handed when mpirun asks for it."""

import select
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from deepseek_serving.engine.rendezvous import keep_alive
from deepseek_serving.ranks.lines import EndedError, Line

Say = Callable[[str], None]

_MOST_UNKNOWN = 64
"""Connections of which nobody knows yet whose they are."""


class Group:
    """The workers of one leader, from when they call until all of it ends."""

    def __init__(
        self, server: socket.socket, agents: socket.socket, *, size: int, say: Say
    ) -> None:
        """`server` is where workers call, `agents` where mpirun's do; `size` counts the leader too."""
        self._server, self._agents, self._say = server, agents, say
        self._wanted = range(1, size)
        self._unknown: list[Line] = []
        self._workers: dict[int, Line] = {}
        self._asking: dict[int, Line] = {}
        self._turned_away: set[int] = set()
        self._is_closed = False
        self.lost: list[int] = []
        """Workers that went after the ranks were started."""

    @property
    def missing(self) -> list[int]:
        """Indexes of the workers that have not called."""
        return [index for index in self._wanted if index not in self._workers]

    def begin(self) -> None:
        """From now on nobody else is one of the group, and who goes is lost."""
        self._is_closed = True

    def look(self, seconds: float) -> None:
        """Take what comes, for so long or until something does."""
        lines = [*self._unknown, *self._workers.values(), *self._asking.values()]
        watched: list[socket.socket | Line] = [self._server, self._agents, *lines]
        ready, _, _ = select.select(watched, [], [], seconds)
        for one in ready:
            if isinstance(one, socket.socket):
                self._accept(one)
            elif one in self._unknown:
                self._learn(one)
            else:
                self._hear(one)

    def close(self) -> None:
        """Let go of everybody: workers then end."""
        for line in (*self._unknown, *self._workers.values(), *self._asking.values()):
            line.close()

    def _accept(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        if server is self._server:
            keep_alive(connection)
        self._unknown.append(Line(connection))
        for line in self._unknown[:-_MOST_UNKNOWN]:
            self._forget(line)

    def _forget(self, line: Line) -> None:
        self._unknown.remove(line)
        line.close()

    def _learn(self, line: Line) -> None:
        """Who a connection is of: a worker says its index, and an agent which worker mpirun wants, and for what."""
        try:
            for said in line.hear():
                self._unknown.remove(line)
                self._admit(line, said)
                return
        except EndedError:
            self._forget(line)

    def _admit(self, line: Line, said: dict[str, Any]) -> None:
        index = said.get("index")
        if not isinstance(index, int) or index not in self._wanted:
            line.close()
        elif "arguments" in said:
            self._ask(index, line, said["arguments"])
        elif self._is_closed:
            self._turn_away(index, line)
        else:
            before = self._workers.get(index)
            if before is not None:
                before.close()
            self._workers[index] = line
            self._say(f"worker {index} is there, at {line.peer}")

    def _turn_away(self, index: int, line: Line) -> None:
        """A worker that was started again is none of those that run: LeaderWorkerSet makes all of them anew."""
        if index not in self._turned_away:
            self._turned_away.add(index)
            self._say(f"worker {index} calls from {line.peer}, and the ranks run without it")
        line.close()

    def _ask(self, index: int, agent: Line, arguments: Sequence[str]) -> None:
        """Hand a worker what mpirun wants of it; its agent waits for the end."""
        self._asking[index] = agent
        worker = self._workers.get(index)
        try:
            if worker is not None:
                worker.say(run=arguments)
                return
            why = "it is not there"
        except EndedError as error:
            why = f"{error}"
        self._say(f"worker {index} is not handed its daemon's arguments: {why}")
        self._answer(index, 1)

    def _hear(self, line: Line) -> None:
        """Of a worker or an agent, unless what was heard before has closed it."""
        worker, asking = _index(line, self._workers), _index(line, self._asking)
        try:
            if worker is not None:
                for said in line.hear():
                    self._told(worker, said)
            elif asking is not None:
                line.hear()
        except EndedError as error:
            if worker is not None:
                self._went(worker, error)
            elif asking is not None:
                self._asking.pop(asking).close()

    def _told(self, index: int, said: dict[str, Any]) -> None:
        """How a worker's daemon ended, or why it was not started."""
        if "refused" in said:
            self._say(f"worker {index} refuses: {str(said['refused'])[:512]}")
        code = said.get("ended", 1)
        self._answer(index, code if isinstance(code, int) else 1)

    def _went(self, index: int, error: EndedError) -> None:
        peer = self._workers[index].peer
        self._workers.pop(index).close()
        if self._is_closed:
            self.lost.append(index)
        self._say(f"worker {index} went, which was at {peer}: {error}")
        self._answer(index, 1)

    def _answer(self, index: int, code: int) -> None:
        """Let mpirun's agent end as the daemon did."""
        agent = self._asking.pop(index, None)
        if agent is not None:
            with suppress(EndedError):
                agent.say(ended=code)
            agent.close()


def _index(line: Line, lines: Mapping[int, Line]) -> int | None:
    return next((index for index, one in lines.items() if one is line), None)
