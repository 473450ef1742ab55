"""What supervisors raise at their callers. Erlang: the error terms of the supervisor module.

SupervisorError (a ProcessError)
├── Invalid             a value that describes a supervisor was refused; atom: OTP's word for the fault
│   ├── InvalidFlags
│   ├── InvalidChildSpec
│   └── InvalidTree     what `tree` returned
├── AlreadyStarted      start_child: a child of that id, or a process of that name, runs; pid: it
├── AlreadyPresent      start_child: there is a child of that id, and it does not run
├── NotFound            there is no such child
├── Running             the child runs: not to be restarted or deleted
├── Restarting          the child is about to be restarted: not to be restarted or deleted
├── MaxChildren         start_child: a dynamic supervisor is full
└── WrongSupervisor     a request that this kind of supervisor does not know

StartFailed (of actors) is what start_child and restart_child raise for a child that did not start.
"""

from collections.abc import Hashable

from actors import Pid, ProcessError


class SupervisorError(ProcessError):
    """Base of all that supervisors/ raises."""


class Invalid(SupervisorError):
    def __init__(self, atom: str, expected: str, value: object) -> None:
        super().__init__(f"expected {expected}, got {value!r}")
        self.atom, self.value = atom, value


class InvalidFlags(Invalid):
    pass


class InvalidChildSpec(Invalid):
    pass


class InvalidTree(Invalid):
    def __init__(self, atom: str, expected: str, value: object) -> None:
        super().__init__(atom, expected, type(value))


class AlreadyStarted(SupervisorError):
    """id: of the process, where it has one that its starter chose."""

    def __init__(self, pid: Pid, id: str | None = None) -> None:  # noqa: A002 (as of a child)
        if id is None:
            super().__init__(f"expected to start a new process, got {pid}, which runs already")
        else:
            super().__init__(f"expected an id that is not in use, got {id!r}, which {pid} has")
        self.pid, self.id = pid, id


class AlreadyPresent(SupervisorError):
    def __init__(self, child: Hashable) -> None:
        super().__init__(f"expected a new child id, got {child!r}, whose process does not run: restart or delete it")
        self.child = child


class NotFound(SupervisorError):
    def __init__(self, child: object) -> None:
        super().__init__(f"expected a child of this supervisor, got {child!r}")
        self.child = child


class Running(SupervisorError):
    def __init__(self, child: Hashable) -> None:
        super().__init__(f"expected a child that does not run, got {child!r}: terminate it first")
        self.child = child


class Restarting(SupervisorError):
    def __init__(self, child: Hashable) -> None:
        super().__init__(f"expected a child at rest, got {child!r}, which is being restarted: terminate it first")
        self.child = child


class MaxChildren(SupervisorError):
    def __init__(self, limit: int) -> None:
        super().__init__(f"expected fewer than {limit} children, got the limit")
        self.limit = limit


class WrongSupervisor(SupervisorError):
    def __init__(self, expected: str, value: object) -> None:
        meant = getattr(value, "meant", None)  # a request may name the function for the other kind of supervisor
        hint = f": use {meant}" if meant is not None else ""
        super().__init__(f"expected {expected}, got {type(value).__name__}{hint}")
