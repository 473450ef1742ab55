"""The errors that callers of a supervisor get. Erlang: the error terms of the supervisor module.

SupervisorError (a ProcessError)
├── Invalid             a description of a supervisor was refused; atom: OTP's word for the fault
│   ├── InvalidFlags
│   ├── InvalidChildSpec
│   └── InvalidTree     `tree` returned a value of another shape
├── AlreadyStarted      start_child: a child with that id, or a process with that name, runs; pid: that process
├── AlreadyPresent      start_child: a child with that id exists and does not run
├── NotFound            the supervisor has no child with that id or Pid
├── Running             the child runs, so it can't be restarted or deleted
├── Restarting          the supervisor is restarting the child, so it can't be restarted or deleted
├── MaxChildren         start_child: a dynamic supervisor is full
└── WrongSupervisor     a request that this kind of supervisor does not know

start_child and restart_child raise actors.StartFailed for a child that did not start.
"""

from collections.abc import Hashable

from actors import Pid, ProcessError


class SupervisorError(ProcessError):
    """The base of all errors of supervisors/."""


class Invalid(SupervisorError):
    """A description of a supervisor was refused. atom: OTP's word for the fault. value: the refused value."""

    def __init__(self, atom: str, expected: str, value: object) -> None:
        super().__init__(f"expected {expected}, got {value!r}")
        self.atom, self.value = atom, value


class InvalidFlags(Invalid):
    """Invalid flags of a supervisor."""


class InvalidChildSpec(Invalid):
    """An invalid child spec."""


class InvalidTree(Invalid):
    """`tree` returned a value of another shape. value: the type of that value."""

    def __init__(self, atom: str, expected: str, value: object) -> None:
        super().__init__(atom, expected, type(value))


class AlreadyStarted(SupervisorError):
    """The process runs already. id: the child's or the agent's id. name: the registered name that is not free."""

    def __init__(self, pid: Pid, id: Hashable = None, *, name: str | None = None) -> None:  # noqa: A002 (as of a child)
        if name is not None:
            super().__init__(f"expected a name that is not in use, got {name!r}, which {pid} has")
        elif id is not None:
            super().__init__(f"expected an id that is not in use, got {id!r}, which {pid} has")
        else:
            super().__init__(f"expected to start a new process, got {pid}, which runs already")
        self.pid, self.id, self.name = pid, id, name


class AlreadyPresent(SupervisorError):
    """A child with this id exists and does not run."""

    def __init__(self, child: Hashable) -> None:
        super().__init__(f"expected a new child id, got {child!r}, whose process does not run: restart or delete it")
        self.child = child


class NotFound(SupervisorError):
    """The supervisor has no child with this id or Pid."""

    def __init__(self, child: object) -> None:
        super().__init__(f"expected a child of this supervisor, got {child!r}")
        self.child = child


class Running(SupervisorError):
    """The child runs, so that it can't be restarted or deleted."""

    def __init__(self, child: Hashable) -> None:
        super().__init__(f"expected a child that does not run, got {child!r}: terminate it first")
        self.child = child


class Restarting(SupervisorError):
    """The supervisor is restarting the child, so that it can't be restarted or deleted."""

    def __init__(self, child: Hashable) -> None:
        super().__init__(f"expected a child at rest, got {child!r}, which is being restarted: terminate it first")
        self.child = child


class MaxChildren(SupervisorError):
    """The dynamic supervisor is full."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"expected fewer than {limit} children, got the limit")
        self.limit = limit


class WrongSupervisor(SupervisorError):
    """A request that this kind of supervisor does not know."""

    def __init__(self, expected: str, value: object) -> None:
        meant = getattr(value, "meant", None)  # a request may name the function for the other kind of supervisor
        hint = f": use {meant}" if meant is not None else ""
        super().__init__(f"expected {expected}, got {type(value).__name__}{hint}")
