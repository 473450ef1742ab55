"""The children of the differential test, as oracle.erl has them. A Stage gives them the steps of their script.

The kinds of workers: any exit signal ends a plain one. Only its supervisor's signal ends a trapping one, which records
its end. A stubborn one outlasts every shutdown time. An odd one ends with another reason than the signal's.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, cast

from actors import IGNORE, SHUTDOWN, ExitProcess, GenServer, NoReply, Pid, StartFailed, Stop, Task, self_pid, start_link
from actors.task import TaskProcess
from supervisors import (
    AlreadyStarted,
    AutoShutdown,
    ChildSpec,
    ChildType,
    DynamicFlags,
    DynamicSupervisor,
    Flags,
    RestartType,
    Strategy,
    Supervisor,
)
from supervisors.child_spec import ShutdownTime, ShutdownWord
from tests.supervisors.otp.script import Spec, Tree
from tests.supervisors.otp.stage import Begun, Stage, as_reason

PERIOD_S: Final = 3600.0


class Plain(GenServer[str]):
    """A worker. Its state: the `runs` of its spec, or "willing" after it was asked to end."""

    def init(self, stage: Stage, spec: Spec, label: str, begun: Begun | None = None) -> Any:
        """Begin a start. begun: given by a start function; without it the plan is for init."""
        self.stage = stage
        if begun is not None:
            return self._live(spec, label, begun)
        begun = stage.begun(label)
        return self._after(spec, label, begun) if begun.meanwhile else self._come_to(spec, label, begun)

    async def _after(self, spec: Spec, label: str, begun: Begun) -> Any:
        parent: Pid = self._myRef.parent
        await self.stage.befall(parent, begun.meanwhile)
        return self._come_to(spec, label, begun)

    def _come_to(self, spec: Spec, label: str, begun: Begun) -> Any:
        match begun.come:
            case "ok":
                return self._live(spec, label, begun)
            case "ignore":
                return IGNORE
            case "crash":
                raise ValueError("crash")
        return Stop(begun.come, None)

    def _live(self, spec: Spec, label: str, begun: Begun) -> str:
        self.stage.enter(label, begun.tag, self.pid)
        return spec.runs

    def handle_info(self, message: Any, runs: str) -> NoReply[str] | Stop[str]:
        return Stop(as_reason(message), "willing") if isinstance(message, str) else NoReply(runs)

    def terminate(self, reason: Any, runs: str) -> Awaitable[None] | None:
        if runs == "stubborn" and reason is SHUTDOWN:
            return asyncio.get_running_loop().create_future()
        self.stage.note("terminate", self.stage.tag(self.pid), self.stage.why(reason))
        if runs == "odd":
            raise ExitProcess("odd")
        return None


class Trapping(Plain):
    trap_exit = True


class Errand(Task):
    """A worker that is a Task."""

    def __init__(self, stage: Stage, spec: Spec, label: str) -> None:
        self.stage, self.label, self.begun = stage, label, stage.begun(label)
        if self.begun.come != "ok":
            raise ValueError("crash")

    async def run(self) -> None:
        raise ExitProcess(as_reason(await self.receive()))

    @classmethod
    def start_link(cls, *args: Any, **kwargs: Any) -> Pid:
        pid = super().start_link(*args, **kwargs)
        errand = cast("Errand", cast("TaskProcess", pid.process).task)
        errand.stage.enter(errand.label, errand.begun.tag, pid)
        return pid


async def start_function(stage: Stage, spec: Spec, label: str) -> Any:
    begun = stage.begun(label)
    await stage.befall(self_pid(), begun.meanwhile)
    match begun.come:
        case "ok" | "info":
            pid = await start_link(_worker(spec), stage, spec, label, begun)
            return pid if begun.come == "ok" else (pid, "info")
        case "ignore":
            return IGNORE
        case "garbage":
            return "garbage"
        case "taken":
            raise AlreadyStarted(stage.driver)
        case "error":
            raise StartFailed(label, "error")
    raise ValueError("crash")


class Static(Supervisor):
    """A supervisor of any strategy except simple_one_for_one."""

    def tree(self, stage: Stage, tree: Tree, label: str) -> Any:
        if _ignores(stage, label, self.pid):
            return IGNORE
        flags = Flags(Strategy(tree.strategy), tree.intensity, PERIOD_S, AutoShutdown(tree.auto_shutdown))
        return flags, [childspec(stage, spec) for spec in tree.children]


class Dynamic(DynamicSupervisor):
    """A supervisor with simple_one_for_one."""

    def tree(self, stage: Stage, tree: Tree, label: str) -> Any:
        stage.simple.add(self.pid)
        if _ignores(stage, label, self.pid):
            return IGNORE
        return DynamicFlags(tree.intensity, PERIOD_S), _spec(tree.children[0], *_worker_start(stage, tree.children[0]))


def start_of(tree: Tree) -> type[Static | Dynamic]:
    return Dynamic if tree.strategy == "simple_one_for_one" else Static


def childspec(stage: Stage, spec: Spec) -> ChildSpec:
    """Return the ChildSpec of a Spec. Raises InvalidChildSpec."""
    if spec.tree is not None:
        return _spec(spec, start_of(spec.tree), stage, spec.tree, spec.id)
    return _spec(spec, *_worker_start(stage, spec), spec.id)


def _spec(spec: Spec, start: Any, *args: Any) -> ChildSpec:
    shutdown: ShutdownTime = spec.shutdown / 1000 if isinstance(spec.shutdown, int) else ShutdownWord(spec.shutdown)
    return ChildSpec(
        spec.id,
        start,
        *args,
        restart=RestartType(spec.restart),
        significant=spec.significant,
        type=ChildType(spec.type),
        shutdown=shutdown,
    )


def _worker_start(stage: Stage, spec: Spec) -> tuple[Any, Stage, Spec]:
    return {"server": _worker(spec), "function": start_function, "task": Errand}[spec.by], stage, spec


def _worker(spec: Spec) -> type[Plain]:
    return Plain if spec.runs == "plain" else Trapping


def _ignores(stage: Stage, label: str, pid: Pid) -> bool:
    """Return True if the supervisor ignores its start."""
    begun = stage.begun(label)
    stage.enter(label, begun.tag, pid)
    stage.supervisors.add(pid)
    if begun.come not in ("ok", "ignore"):
        raise ValueError("crash")
    return begun.come == "ignore"
