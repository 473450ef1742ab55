"""The state of a script that runs: plans, processes by id, events. Erlang: the table of oracle.erl."""

import asyncio
import contextvars
import itertools
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from actors import CallFailed, Crash, Pid, Shutdown, ended, send, stop
from actors.kernel.signals import Reason
from supervisors import AlreadyStarted, DynamicSupervisor, FailedToStartChild, Invalid, Supervisor
from tests.supervisors.otp.script import Come, End, Meanwhile, Outcome

Perform = Callable[[Pid, Any], Coroutine[Any, Any, Any]]
"""Carries out a request to a supervisor; its answer, as the transcript has it."""


class Begun(NamedTuple):
    """A start that has not ended."""

    tag: str
    come: Come
    meanwhile: tuple[Meanwhile, ...]


class Stage:
    """The stage of one script.

    driver: the process that starts the top supervisor. perform: carries out a step as the driver.
    """

    def __init__(self, driver: Pid, perform: Perform) -> None:
        self.driver = driver
        self.plans: dict[str, list[Outcome]] = {}
        self.pids: dict[str, Pid] = {}
        self.events: list[Any] = []
        self.supervisors: set[Any] = set()
        self.simple: set[Any] = set()
        self.asked: list[asyncio.Task[Any]] = []
        self._tags: dict[Pid, str] = {driver: "driver"}
        self._starts: dict[str, Iterable[int]] = defaultdict(lambda: itertools.count(1))
        self._perform = perform
        self._context = contextvars.copy_context()

    def note(self, *event: Any) -> None:
        self.events.append(list(event))

    def begun(self, label: str) -> Begun:
        """Begin a start, and return the next outcome of its plan."""
        plan = self.plans.get(label)
        outcome = plan.pop(0) if plan else Outcome()
        tag = f"{label}#{next(iter(self._starts[label]))}"
        self.note("start", tag, outcome.come)
        return Begun(tag, outcome.come, outcome.meanwhile)

    def enter(self, label: str, tag: str, pid: Pid) -> None:
        self.pids[label] = pid
        self._tags[pid] = tag

    def tag(self, place: Any) -> str:
        """Return a process's name in transcripts: a#2 is the second start of a."""
        if isinstance(place, Pid):
            return self._tags.get(place, "foreign")
        return "undefined" if place is None else repr(place)

    def named(self, text: str) -> str:
        """Return the tag of the process whose Pid ends a report."""
        return next(tag for pid, tag in self._tags.items() if text.endswith(str(pid)))

    def living(self) -> list[Pid]:
        return [pid for pid in self._tags if pid.alive and pid is not self.driver]

    async def befall(self, sup: Pid, steps: Iterable[Meanwhile]) -> None:
        """Carry out steps while a supervisor waits for the caller, until each is in its mailbox or was refused."""
        assert sup.process is not None
        for step in steps:
            if isinstance(step, End):
                pid = self.pids.get(step.child)
                if pid is not None and pid.process is not None and pid.process in (sup.process.links or ()):
                    await end(pid, step.reason)
                continue
            before = len(sup.process.mailbox)
            request = asyncio.create_task(self._perform(sup, step), context=self._context.copy())
            self.asked.append(request)
            while len(sup.process.mailbox) == before and not request.done():  # noqa: ASYNC110 (no event tells it)
                await asyncio.sleep(0)

    def why(self, reason: Any) -> Any:
        """Return an exit or start reason in the form of transcripts."""
        match reason:
            case Reason():
                return reason.value
            case Shutdown(FailedToStartChild(child, failure)):
                return ["failed_to_start_child", child, self.why(failure)]
            case Shutdown("why"):
                return "shutdown_why"
            case Crash(Invalid() as fault):
                return ["start_spec", fault.atom]
            case Crash():
                return "crash"
            case AlreadyStarted():
                return ["already_started", self.tag(reason.pid)]
        return str(reason).lower()


async def end(pid: Pid, word: str) -> None:
    """End a process from inside with the reason for a word, and wait for its end."""
    server = getattr(pid.process, "server", None)
    if isinstance(server, Supervisor | DynamicSupervisor):
        with suppress(CallFailed):
            await stop(pid, as_reason(word))
    else:
        send(pid, word)
        await ended(pid)


def as_reason(word: str) -> Any:
    """Return the exit reason for a word of a script."""
    if word == "shutdown_why":
        return Shutdown("why")
    return Reason(word) if word in _WORDS else word


_WORDS: Final = {reason.value for reason in Reason}
