"""ChildSpec: the start, restart and shutdown of one child. Erlang: supervisor:child_spec().

ChildSpec("registry", AgentRegistry)
ChildSpec("sessions", SessionKeeper, settings.sessions, shutdown=30.0)
ChildSpec("import", Import, path, restart=RestartType.TRANSIENT)      # a Task: not restarted when it is done
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Final, Literal, TypeAlias

from actors import GenServer, Task
from supervisors.errors import InvalidChildSpec
from supervisors.flags import AutoShutdown

SHUTDOWN_S = 5.0  # OTP's default for a worker


class RestartType(StrEnum):
    """The ends after which a child is restarted.

    PERMANENT: every end. TRANSIENT: a failure. TEMPORARY: none, and the supervisor forgets the child.
    """

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class ChildType(StrEnum):
    """The kind of a child: a supervisor is stopped without a time limit, by default."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"


RESTART_TYPES: Final = tuple(RestartType)
CHILD_TYPES: Final = tuple(ChildType)
"""Tuples for `in`: listing an Enum takes longer than all other checks of a spec."""


class ShutdownWord(Enum):
    """The values of `shutdown` that are not a number of seconds."""

    BRUTAL_KILL = "brutal_kill"
    INFINITY = "infinity"

    def __repr__(self) -> str:
        return self.value


BRUTAL_KILL: Final = ShutdownWord.BRUTAL_KILL
INFINITY: Final = ShutdownWord.INFINITY
ShutdownTime: TypeAlias = float | Literal[ShutdownWord.BRUTAL_KILL, ShutdownWord.INFINITY]
"""The seconds from the exit signal SHUTDOWN to the kill. BRUTAL_KILL kills at once, INFINITY never."""


@dataclass(frozen=True, slots=True, init=False)
class ChildSpec:
    """The description of one child. get_childspec returns it, and two specs with equal fields are equal.

    start: a GenServer or Task class, which is started with args and linked to the supervisor. Or a function, plain or
    async, that is called with args: it returns the Pid of a process it started, (Pid, info) or IGNORE, or it raises.
    name: the registered name of the process of a class. type, shutdown: OTP's defaults; a class tells its type.
    """

    id: Hashable
    start: Callable[..., Any]
    args: tuple[Any, ...] = field(repr=False)  # may hold secrets
    restart: RestartType
    significant: bool
    type: ChildType
    shutdown: ShutdownTime
    name: str | None

    def __init__(
        self,
        id: Hashable,  # noqa: A002 (OTP's word)
        start: Callable[..., Any],
        *args: Any,
        restart: RestartType = RestartType.PERMANENT,
        significant: bool = False,
        type: ChildType | None = None,  # noqa: A002 (OTP's word)
        shutdown: ShutdownTime | None = None,
        name: str | None = None,
    ) -> None:
        """Raise InvalidChildSpec for a bad value. Defaults and order of checks: supervisor:check_childspec/2 (OTP)."""
        if type is None:
            type = getattr(start, "child_type", ChildType.WORKER)  # noqa: A001 (OTP's word)
        if shutdown is None:
            shutdown = INFINITY if type == ChildType.SUPERVISOR else SHUTDOWN_S
        self._fill(id, start, args, restart, significant, type, shutdown, name)
        _check_start(self)
        _check_policy(self)

    def with_args(self, *args: Any) -> "ChildSpec":
        """Return this spec with other args. It is not checked again, so a template is checked once for all children."""
        spec = object.__new__(ChildSpec)
        spec._fill(self.id, self.start, args, self.restart, self.significant, self.type, self.shutdown, self.name)
        return spec

    def _fill(self, *values: Any) -> None:
        """Set every field, in order."""
        for key, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, key, value)


def check_childspecs(specs: Iterable[ChildSpec], auto_shutdown: AutoShutdown | None = None) -> tuple[ChildSpec, ...]:
    """Return the specs. Raises InvalidChildSpec if one supervisor can't have them as its children.

    auto_shutdown: the supervisor's flag; None leaves it out of the check. Erlang: supervisor:check_childspecs/1,2.
    """
    checked: dict[Hashable, ChildSpec] = {}
    for spec in _listed(specs):
        if not isinstance(spec, ChildSpec):
            raise InvalidChildSpec("invalid_child_spec", "a ChildSpec", spec)
        if spec.significant and auto_shutdown == AutoShutdown.NEVER:
            expected = "no significant child under auto_shutdown never"
            raise InvalidChildSpec("bad_combination", expected, spec.id)
        if spec.id in checked:
            raise InvalidChildSpec("duplicate_child_name", "different ids", spec.id)
        checked[spec.id] = spec
    return tuple(checked.values())


def _listed(specs: Any) -> Iterable[Any]:
    if isinstance(specs, ChildSpec | str) or not isinstance(specs, Iterable):
        raise InvalidChildSpec("badarg", "a sequence of ChildSpecs", specs)
    return specs


def _check_start(spec: ChildSpec) -> None:
    if spec.id is None:
        raise InvalidChildSpec("missing_id", "an id", None)
    if not isinstance(spec.id, Hashable):
        raise InvalidChildSpec("invalid_id", "a hashable id", spec.id)
    if spec.start is None:
        raise InvalidChildSpec("missing_start", "a class or function to start", None)
    if not callable(spec.start):
        raise InvalidChildSpec("invalid_mfa", "a GenServer or Task class, or a function, to start", spec.start)
    if spec.name is not None and not _is_class(spec.start):
        raise InvalidChildSpec("invalid_name", "a name only with a class: a function registers its process", spec.name)


def _check_policy(spec: ChildSpec) -> None:
    if spec.restart not in RESTART_TYPES:
        raise InvalidChildSpec("invalid_restart_type", "permanent, transient or temporary", spec.restart)
    if not isinstance(spec.significant, bool):
        raise InvalidChildSpec("invalid_significant", "significant to be True or False", spec.significant)
    if spec.significant and spec.restart == RestartType.PERMANENT:
        raise InvalidChildSpec("bad_combination", "a significant child to be transient or temporary", spec.restart)
    if spec.type not in CHILD_TYPES:
        raise InvalidChildSpec("invalid_child_type", "worker or supervisor", spec.type)
    if not isinstance(spec.shutdown, ShutdownWord) and not _seconds(spec.shutdown):
        raise InvalidChildSpec("invalid_shutdown", "seconds to stop in, BRUTAL_KILL or INFINITY", spec.shutdown)


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_class(start: object) -> bool:
    return isinstance(start, type) and issubclass(start, GenServer | Task)
