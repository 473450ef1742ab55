"""The tree of running processes: a supervisor's children in start order, and below any process those it started.

msgspec.json.encode(tree())

No supervisor is asked, as in actors/observer.py, so the tree shows also a supervisor that waits for a child. tree_json
and restarts read a large system in slices; they may miss a process that starts or ends meanwhile.
"""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from actors import Pid
from actors.kernel.process import Process
from actors.observer import ProcessInfo, info_of
from actors.server.server_process import ServerProcess
from actors.slices import at_once, in_slices, paced
from actors.system.current import current_system
from actors.system.footprint import summary
from supervisors.child_spec import ChildSpec
from supervisors.children import Place
from supervisors.dynamic_supervisor import DynamicState
from supervisors.supervisor import SupervisorState

Encode: TypeAlias = Callable[[Any], bytes]

CLOSE: Final = b"]}"
"""The end of a Node as JSON: its children come last."""


class Node(Struct, frozen=True):
    """A process, or a child without one: then process is None and status is "restarting", "stopped" or "held".

    id: the child's id if that is text or a number, else the id's type. restart: the restart type of its spec.
    restarts: the number of its starts after the first; None for a dynamic child, which is a new child each time.
    hidden: the number of children that are left out.
    """

    id: str | None
    status: str
    process: ProcessInfo | None
    restart: str | None = None
    restarts: int | None = None
    hidden: int = 0
    children: "tuple[Node, ...]" = ()


class _Entry(NamedTuple):
    """A supervisor's child, with or without a process."""

    spec: ChildSpec
    place: Place
    restarts: int | None
    held: bool = False


class _Plan(NamedTuple):
    """The processes of a system, in the form that a tree is built from.

    processes: the oldest first. children: the entries of each supervisor. entry_of: the entry of each child's process.
    started: for each process, those that it started or supervises, the youngest first.
    """

    processes: tuple[Process, ...]
    children: dict[Pid, list[_Entry]]
    entry_of: dict[Place, _Entry]
    started: dict[Pid, dict[Pid, Process]]

    def below(self, pid: Pid) -> Iterator[Process | _Entry]:
        """Yield a supervisor's children in their order, then the other processes it started, the oldest first."""
        started = dict(self.started.get(pid, {}))
        for entry in self.children.get(pid, ()):
            if isinstance(entry.place, Pid) and entry.place in started:
                yield started.pop(entry.place)
            elif not (isinstance(entry.place, Pid) and entry.place.alive):
                yield entry
        yield from reversed(started.values())

    def node(self, which: Process | _Entry, children: tuple[Node, ...] = (), hidden: int = 0) -> Node:
        if isinstance(which, Process):
            return _node(which, self.entry_of.get(which.pid), children, hidden)
        return _vacant(which)


def tree() -> Node:
    """Return the current system from its root. It does not recurse, since a chain of processes may be long."""
    plan = at_once(_plan())
    nodes: dict[Pid, Node] = {}
    for process in reversed(plan.processes):  # children are younger than those who started them
        below = plan.below(process.pid)
        children = tuple(nodes[each.pid] if isinstance(each, Process) else plan.node(each) for each in below)
        nodes[process.pid] = plan.node(process, children)
    return nodes[current_system().root.pid]


async def tree_json(encode: Encode = msgspec.json.encode) -> AsyncIterator[bytes]:
    """Yield `tree` as JSON in pieces, read in slices. encode: gives a Node as JSON, its fields in their order."""
    plan, root = await in_slices(_plan()), current_system().root
    async for piece in paced(_pieces(plan, root, encode)):
        yield piece


def sliced_tree(
    width: int, depth: int, visible: Callable[[Process], bool] = lambda _: True
) -> Generator[None, None, Node]:
    """Return the tree with at most width children of a process, and depth levels. For `in_slices`.

    Children with messages and children without a process come before the others, which have nothing to show. visible:
    whether a process may be shown; a child that may not is counted as hidden.
    """
    plan = yield from _plan()
    return (yield from _shown(plan, current_system().root, width, depth, visible))


def _shown(
    plan: _Plan, which: Process | _Entry, width: int, depth: int, visible: Callable[[Process], bool]
) -> Generator[None, None, Node]:
    if not isinstance(which, Process):
        return plan.node(which)
    notable, others, count = list[Process | _Entry](), list[Process | _Entry](), 0
    for child in plan.below(which.pid):
        yield
        count += 1
        if depth and (not isinstance(child, Process) or visible(child)):
            chosen = notable if not isinstance(child, Process) or len(child.mailbox) else others
            if len(chosen) < width:
                chosen.append(child)
    children: tuple[Node, ...] = ()
    for child in (*notable, *others)[:width]:
        yield
        children += ((yield from _shown(plan, child, width, depth - 1, visible)),)
    return plan.node(which, children, count - len(children))


def restarts() -> Generator[None, None, dict[tuple[str, str], int]]:
    """Return the restarts of each child with an id, by supervisor and child. For `in_slices`."""
    found: dict[tuple[Process, str], int] = {}
    ids: dict[Place, str] = {}
    for process in tuple(current_system().processes.values()):
        yield
        if isinstance(process, ServerProcess) and isinstance(process.state, SupervisorState):
            for entry in _entries(process):
                ids[entry.place] = _id(entry.spec.id)
                found[process, ids[entry.place]] = entry.restarts or 0
    return {(_called(process, ids), child): count for (process, child), count in found.items()}


def _called(process: Process, ids: dict[Place, str]) -> str:
    return process.name or ids.get(process.pid, "?")


def _plan() -> Generator[None, None, _Plan]:
    plan = _Plan(tuple(current_system().processes.values()), {}, {}, {})
    supervisor_of: dict[Place, Pid] = {}
    for process in plan.processes:
        yield
        for entry in _entries(process):
            yield
            plan.children.setdefault(process.pid, []).append(entry)
            if _younger(entry.place, process.pid):
                plan.entry_of[entry.place], supervisor_of[entry.place] = entry, process.pid
    for process in reversed(plan.processes):
        yield
        above = supervisor_of.get(process.pid) or process.guardian().pid
        if above.number < process.pid.number:  # the root is its own guardian
            plan.started.setdefault(above, {})[process.pid] = process
    return plan


def _pieces(plan: _Plan, root: Process, encode: Encode) -> Iterator[bytes]:
    """Yield the JSON of the tree without recursion. open_: the children left below each node that is not closed."""
    yield encode(plan.node(root)).removesuffix(CLOSE)
    open_, comma = [plan.below(root.pid)], b""
    while open_:
        if (child := next(open_[-1], None)) is None:
            open_.pop()
            yield CLOSE
        else:
            yield comma + encode(plan.node(child)).removesuffix(CLOSE)
            open_.append(plan.below(child.pid) if isinstance(child, Process) else iter(()))
        comma = b"" if child is not None else b","


def _younger(place: Place, than: Pid) -> bool:
    return isinstance(place, Pid) and place.alive and place.number > than.number


def _entries(process: Process) -> Iterator[_Entry]:
    match process.state if isinstance(process, ServerProcess) else None:
        case SupervisorState(children=children):
            for id_ in tuple(children):  # a copy: children come and go while a slow reader waits
                if (child := children.get(id_)) is not None:
                    yield _Entry(child.spec, child.pid, max(0, child.starts - 1))
        case DynamicState() as dynamic:
            for pid in (*dynamic.running, *dynamic.restarting):
                yield _Entry(dynamic.template, pid if pid in dynamic.running else None, None)
            for _ in tuple(dynamic.held):
                yield _Entry(dynamic.template, None, None, held=True)


def _node(process: Process, entry: _Entry | None, children: tuple[Node, ...], hidden: int) -> Node:
    info = info_of(process)
    if entry is None:
        return Node(None, info.status, info, hidden=hidden, children=children)
    return Node(_id(entry.spec.id), info.status, info, str(entry.spec.restart), entry.restarts, hidden, children)


def _vacant(entry: _Entry) -> Node:
    status = "stopped" if entry.place is None and entry.restarts is not None else "restarting"
    if entry.held:
        status = "held"
    return Node(_id(entry.spec.id), status, None, str(entry.spec.restart), entry.restarts)


def _id(child: Any) -> str:
    return str(child) if isinstance(child, str | int) else summary(child)
