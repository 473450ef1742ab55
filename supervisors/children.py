"""The children of a Supervisor, in start order. Erlang: the children() of supervisor.erl."""

from collections.abc import Hashable, Iterable, Iterator
from enum import Enum
from typing import Final, Literal, NamedTuple, TypeAlias

from actors import Pid
from supervisors.child_spec import ChildSpec, ChildType, RestartType
from supervisors.errors import NotFound, Restarting, Running


class _Restarting(Enum):
    RESTARTING = "restarting"

    def __repr__(self) -> str:
        return self.value


RESTARTING: Final = _Restarting.RESTARTING
Place: TypeAlias = Pid | Literal[_Restarting.RESTARTING] | None
"""The process of a child; RESTARTING while a restart that failed is retried; None without a process."""


class Child(NamedTuple):
    """One child of a Supervisor. starts: the number of processes it has had."""

    spec: ChildSpec
    pid: Place = None
    starts: int = 0


class ChildInfo(NamedTuple):
    """An entry of which_children. id: None under a DynamicSupervisor."""

    id: Hashable
    pid: Place
    type: ChildType


class Counts(NamedTuple):
    """The answer of count_children.

    specs: all children. active: those with a living process. supervisors, workers: all children, by their type.
    """

    specs: int
    active: int
    supervisors: int
    workers: int


class Children:
    """Specs and their processes, by id and by Pid. They change in place: a start copies none of 100,000 children."""

    def __init__(self, specs: Iterable[ChildSpec] = ()) -> None:
        self._by_id = {spec.id: Child(spec) for spec in specs}
        self._ids: dict[Pid, Hashable] = {}

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._by_id)

    def __reversed__(self) -> Iterator[Hashable]:
        return reversed(self._by_id)

    def __contains__(self, child: object) -> bool:
        return child in self._by_id

    def __getitem__(self, child: Hashable) -> Child:
        return self._by_id[child]

    def get(self, child: Hashable) -> Child | None:
        return self._by_id.get(child)

    def of_pid(self, pid: Pid) -> Child | None:
        child = self._ids.get(pid)
        return self._by_id[child] if child is not None else None

    def place(self, spec: ChildSpec, pid: Place) -> None:
        """Set a child's process. A new child comes last. A temporary child that runs is kept without its args."""
        self._forget_pid(spec.id)
        if pid is not None and spec.args and spec.restart == RestartType.TEMPORARY:
            spec = spec.with_args()
        known = self._by_id.get(spec.id)
        starts = known.starts if known is not None else 0
        self._put(Child(spec, pid, starts + isinstance(pid, Pid)))

    def lose(self, child: Hashable) -> None:
        """Remove a child's process. The spec stays, unless the child is temporary. OTP: del_child/2."""
        spec = self._by_id[child].spec
        if spec.restart == RestartType.TEMPORARY:
            self.delete(child)
        else:
            self.place(spec, None)

    def delete(self, child: Hashable) -> None:
        self._forget_pid(child)
        del self._by_id[child]

    def at_rest(self, child: Hashable) -> ChildSpec | NotFound | Running | Restarting:
        """Return the spec of a child without a process, or the error that says why it can't be started."""
        known = self._by_id.get(child)
        if known is None:
            return NotFound(child)
        if known.pid is None:
            return known.spec
        return Restarting(child) if known.pid is RESTARTING else Running(child)

    def respecified(self, specs: Iterable[ChildSpec]) -> "Children":
        """Return these specs with the processes of their ids, then the other children. OTP: update_childspec/2."""
        changed = Children()
        for spec in specs:
            known = self._by_id.get(spec.id)
            changed._put(Child(spec) if known is None else known._replace(spec=spec))
        for id_, child in self._by_id.items():
            if id_ not in changed:
                changed._put(child)
        return changed

    def placed(self) -> Iterator[ChildSpec]:
        """Return the specs of the children that run or are being restarted."""
        return (child.spec for child in self._by_id.values() if child.pid is not None)

    def which(self) -> list[ChildInfo]:
        """Return the answer of which_children: the newest child first, as in OTP."""
        return [ChildInfo(child.spec.id, child.pid, child.spec.type) for child in reversed(self._by_id.values())]

    def count(self) -> Counts:
        children = self._by_id.values()
        active = sum(isinstance(child.pid, Pid) and child.pid.alive for child in children)
        supervisors = sum(child.spec.type == ChildType.SUPERVISOR for child in children)
        return Counts(len(children), active, supervisors, len(children) - supervisors)

    def _put(self, child: Child) -> None:
        self._by_id[child.spec.id] = child
        if isinstance(child.pid, Pid):
            self._ids[child.pid] = child.spec.id

    def _forget_pid(self, child: Hashable) -> None:
        known = self._by_id.get(child)
        if known is not None and isinstance(known.pid, Pid):
            self._ids.pop(known.pid, None)
