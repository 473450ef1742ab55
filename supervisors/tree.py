"""The tree of what runs: supervisors with their children in start order, and below any process what it started.

msgspec.json.encode(tree())

Read in place, as all of actors/observer.py: a supervisor that waits for a child is not asked, and is seen as it is.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec import Struct

from actors import Pid
from actors.current import current_system
from actors.footprint import summary
from actors.observer import ProcessInfo, info_of
from actors.process import Process
from actors.server.server_process import ServerProcess
from supervisors.child_spec import ChildSpec
from supervisors.children import Place
from supervisors.dynamic_supervisor import Brood
from supervisors.supervisor import Supervised


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


def tree() -> Node:
    """The current system, from its root. No recursion: a chain of processes may be long."""
    system = current_system()
    posts = {process.pid: tuple(_posts(process)) for process in system.processes.values()}
    held = {post.place: (pid, post) for pid, all_ in posts.items() for post in all_ if _younger(post.place, pid)}
    nodes: dict[Pid, Node] = {}
    below: dict[Pid, dict[Pid, None]] = {}
    for process in reversed(system.processes.values()):  # children are younger than those who started them
        pid = process.pid
        above, post = held.get(pid, (process.guardian().pid, None))
        started = below.pop(pid, {})
        nodes[pid] = _node(process, post, _children(posts[pid], started, nodes))
        below.setdefault(above, {})[pid] = None
    return nodes[system.root.pid]


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


def _children(posts: tuple[_Post, ...], started: dict[Pid, None], nodes: dict[Pid, Node]) -> tuple[Node, ...]:
    """First a supervisor's children in their order, then what else it started, the oldest first."""
    found = []
    for post in posts:
        if isinstance(post.place, Pid) and post.place in started:
            del started[post.place]
            found.append(nodes[post.place])
        elif not (isinstance(post.place, Pid) and post.place.alive):
            found.append(_vacant(post))
    return (*found, *(nodes[pid] for pid in reversed(started)))


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
