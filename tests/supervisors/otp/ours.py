"""Carries out a script on our supervisors: the same steps, and the same transcript, as oracle.erl."""

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from actors import NOPROC, AsyncioSystemBase, CallFailed, Mailbox, Pid, StartFailed, start_link
from actors import exit as send_exit
from supervisors import (
    AlreadyPresent,
    AlreadyStarted,
    ChildSpec,
    Invalid,
    NotFound,
    Restarting,
    Running,
    SupervisorError,
    WrongSupervisor,
    delete_child,
    dynamic_supervisor,
    get_childspec,
    restart_child,
    start_child,
    terminate_child,
)
from tests.supervisors.otp.members import childspec, start_of
from tests.supervisors.otp.script import (
    TOP,
    CountChildren,
    DeleteChild,
    End,
    GetChildspec,
    Plan,
    RestartChild,
    Script,
    StartChild,
    StartLink,
    Step,
    TerminateChild,
    Transcript,
    Tree,
    WhichChildren,
)
from tests.supervisors.otp.script import Exit as SendExit
from tests.supervisors.otp.stage import Stage, as_reason, end
from tests.supervisors.otp.view import View

CONTEXTS: Final = {
    "child_terminated": "child_terminated",
    "start_error": "start_error",
    "shutdown_error": "shutdown_error",
    "supervisor_gave_up": "shutdown",
}
"""Our reports and OTP's contexts of a supervisor report."""

REFUSALS: Final = {
    AlreadyPresent: "already_present",
    NotFound: "not_found",
    Restarting: "restarting",
    Running: "running",
    WrongSupervisor: "simple_one_for_one",
}


def transcript(script: Script) -> Transcript:
    """Run a script on its own event loop and process system, and return the transcript."""
    return asyncio.run(_transcript(script))


async def _transcript(script: Script) -> Transcript:
    async with AsyncioSystemBase(), Mailbox() as box:
        run = Run(box)
        with run.reported():
            return [await run.perform(step) for step in script]


class Run:
    """One script on our supervisors. The mailbox is the driver."""

    def __init__(self, box: Mailbox) -> None:
        self.stage = Stage(box.pid, self.request)
        self.view = View(box, self.stage)

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Turn the supervisors' reports into events of the stage, without output."""
        log = logging.getLogger("understudy")
        handler = _Reports(self.stage)
        log.addHandler(handler)
        log.propagate = False
        try:
            yield
        finally:
            log.propagate = True
            log.removeHandler(handler)

    async def perform(self, step: Step) -> Any:
        answer = await self.step(step)
        meanwhile = await self.view.settled()
        events, self.stage.events = self.stage.events, []
        return [answer, meanwhile, events, await self.view.top()]

    async def step(self, step: Step) -> Any:
        match step:
            case Plan(child, starts):
                self.stage.plans[child] = list(starts)
                return "ok"
            case StartLink(tree):
                return "skipped" if self.view.top_lives() else await self.start_top(tree)
            case End(child, reason) | SendExit(child, reason):
                pid = self.stage.pids.get(child)
                if pid is None:
                    return "nobody"
                if isinstance(step, End):
                    await end(pid, reason)
                else:
                    send_exit(pid, as_reason(reason))
                return "ok"
        sup = self.stage.pids.get(step.sup)
        return await self.request(sup, step) if sup is not None and sup in self.stage.supervisors else "nobody"

    async def start_top(self, tree: Tree) -> Any:
        self.view.exit_reason = None
        try:
            return self.started(await start_link(start_of(tree), self.stage, tree, TOP))
        except StartFailed as failed:
            self.stage.pids.pop(TOP, None)
            return ["error", self.stage.why(failed.reason)]

    async def request(self, sup: Pid, step: Any) -> Any:
        """Return the answer to a request, also if it is an error."""
        try:
            return await self.answer(sup, step)
        except CallFailed as failed:
            return ["exit", self.stage.why(failed.reason)]
        except StartFailed as failed:
            return ["error", self.stage.why(failed.reason)]
        except AlreadyStarted as already:
            return ["error", "already_started", self.stage.tag(already.pid)]
        except Invalid as fault:
            return ["error", fault.atom]
        except SupervisorError as refusal:
            return ["error", REFUSALS[type(refusal)]]

    async def answer(self, sup: Pid, step: Any) -> Any:
        simple = sup in self.stage.simple
        if not sup.alive:  # before a faulty spec is refused: OTP asks the supervisor about it
            raise CallFailed(sup, NOPROC)
        match step:
            case StartChild(spec) if simple:
                return self.started(await dynamic_supervisor.start_child(sup, spec.id))
            case StartChild(spec):
                return self.started(await start_child(sup, childspec(self.stage, spec)))
            case WhichChildren():
                return await self.view.which(sup)
            case CountChildren():
                return await self.view.count(sup)
        child = self.stage.pids.get(step.child, step.child) if simple else step.child
        match step:
            case TerminateChild():
                await terminate_child(sup, child)
            case RestartChild():
                return self.started(await restart_child(sup, child))
            case DeleteChild():
                await delete_child(sup, child)
            case GetChildspec():
                return _policy(await get_childspec(sup, child))
        return "ok"

    def started(self, outcome: Any) -> Any:
        if isinstance(outcome, tuple):
            return ["ok", self.stage.tag(outcome[0]), outcome[1]]
        return ["ok", self.stage.tag(outcome)]


class _Reports(logging.Handler):
    def __init__(self, stage: Stage) -> None:
        super().__init__(logging.ERROR)
        self.stage = stage

    def emit(self, record: logging.LogRecord) -> None:
        fields = dict(re.findall(r"(\w+)='([^']*)'", record.getMessage()))
        if fields["event"] in CONTEXTS:
            self.stage.note(
                "report", CONTEXTS[fields["event"]], self.stage.named(fields["supervisor"]), fields["child"]
            )


def _policy(spec: ChildSpec) -> list[Any]:
    shutdown = round(spec.shutdown * 1000) if isinstance(spec.shutdown, float) else repr(spec.shutdown)
    return [str(spec.restart), spec.significant, str(spec.type), shutdown]
