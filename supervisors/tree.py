"""The tree of what runs: supervisors with their children in start order, and below any process what it started.

msgspec.json.encode(tree())

Read in place, as all of actors/observer.py: a supervisor that waits for a child is not asked, and is seen as it is. A
large system is read in slices (tree_json, restarts): what starts or ends meanwhile may be left out.
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
from supervisors.dynamic_supervisor import Brood
from supervisors.supervisor import Supervised

Encode: TypeAlias = Callable[[Any], bytes]

CLOSE: Final = b"]}"
"""The end of a Node as JSON: its children come last."""


class Node(Struct, frozen=True):
    """A process, or a child without one: then process is None and status says "restarting" or "stopped".

    id: of a supervisor's child, if it is text or a number, else its type. restart and shutdown: of its spec. restarts:
    how often it was started after the first time; None for a dynamic child, which is a new one each time.
    """

    id: str | None
    status: str
    process: ProcessInfo | None
    restart: str | None = None
    restarts: int | None = None
    children: "tuple[Node, ...]" = ()


class _Post(NamedTuple):
    """A supervisor's child: where it stands, and who fills it."""

    spec: ChildSpec
    place: Place
    restarts: int | None


class _Plan(NamedTuple):
    """processes: the oldest first. posts: of supervisors. held: which post a process fills, and whose it is.

    started: by process, those below it, the youngest first.
    """

    processes: tuple[Process, ...]
    posts: dict[Pid, list[_Post]]
    held: dict[Place, _Post]
    started: dict[Pid, dict[Pid, Process]]

    def below(self, pid: Pid) -> Iterator[Process | _Post]:
        """First a supervisor's children in their order, then what else it started, the oldest first."""
        started = dict(self.started.get(pid, {}))
        for post in self.posts.get(pid, ()):
            if isinstance(post.place, Pid) and post.place in started:
                yield started.pop(post.place)
            elif not (isinstance(post.place, Pid) and post.place.alive):
                yield post
        yield from reversed(started.values())

    def node(self, which: Process | _Post, children: tuple[Node, ...] = ()) -> Node:
        if isinstance(which, Process):
            return _node(which, self.held.get(which.pid), children)
        return _vacant(which)


def tree() -> Node:
    """The current system, from its root. No recursion: a chain of processes may be long."""
    plan = at_once(_plan())
    nodes: dict[Pid, Node] = {}
    for process in reversed(plan.processes):  # children are younger than those who started them
        below = plan.below(process.pid)
        children = tuple(nodes[each.pid] if isinstance(each, Process) else plan.node(each) for each in below)
        nodes[process.pid] = plan.node(process, children)
    return nodes[current_system().root.pid]


async def tree_json(encode: Encode = msgspec.json.encode) -> AsyncIterator[bytes]:
    """`tree` as JSON, in pieces, read in slices. encode: a Node as JSON, its fields in their order."""
    plan, root = await in_slices(_plan()), current_system().root
    async for piece in paced(_pieces(plan, root, encode)):
        yield piece


def restarts() -> Generator[None, None, dict[tuple[str, str], int]]:
    """How often each child that a supervisor names was restarted, by supervisor and child. For `in_slices`."""
    found: dict[tuple[Process, str], int] = {}
    ids: dict[Place, str] = {}
    for process in tuple(current_system().processes.values()):
        yield
        if isinstance(process, ServerProcess) and isinstance(process.state, Supervised):
            for post in _posts(process):
                ids[post.place] = _id(post.spec.id)
                found[process, ids[post.place]] = post.restarts or 0
    return {(_called(process, ids), child): count for (process, child), count in found.items()}


def _called(process: Process, ids: dict[Place, str]) -> str:
    return process.names[0] if process.names else ids.get(process.pid, "?")


def _plan() -> Generator[None, None, _Plan]:
    plan = _Plan(tuple(current_system().processes.values()), {}, {}, {})
    whose: dict[Place, Pid] = {}
    for process in plan.processes:
        yield
        for post in _posts(process):
            yield
            plan.posts.setdefault(process.pid, []).append(post)
            if _younger(post.place, process.pid):
                plan.held[post.place], whose[post.place] = post, process.pid
    for process in reversed(plan.processes):
        yield
        above = whose.get(process.pid) or process.guardian().pid
        if above.number < process.pid.number:  # the root is its own guardian
            plan.started.setdefault(above, {})[process.pid] = process
    return plan


def _pieces(plan: _Plan, root: Process, encode: Encode) -> Iterator[bytes]:
    """No recursion. open_: what is left below each node that is not closed."""
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


def _posts(process: Process) -> Iterator[_Post]:
    match process.state if isinstance(process, ServerProcess) else None:
        case Supervised(children=children):
            for id_ in children:
                child = children[id_]
                yield _Post(child.spec, child.pid, max(0, child.starts - 1))
        case Brood() as brood:
            for pid in (*brood.running, *brood.restarting):
                yield _Post(brood.template, pid if pid in brood.running else None, None)


def _node(process: Process, post: _Post | None, children: tuple[Node, ...]) -> Node:
    info = info_of(process)
    if post is None:
        return Node(None, info.status, info, children=children)
    return Node(_id(post.spec.id), info.status, info, str(post.spec.restart), post.restarts, children)


def _vacant(post: _Post) -> Node:
    status = "stopped" if post.place is None and post.restarts is not None else "restarting"
    return Node(_id(post.spec.id), status, None, str(post.spec.restart), post.restarts)


def _id(child: Any) -> str:
    return str(child) if isinstance(child, str | int) else summary(child)
