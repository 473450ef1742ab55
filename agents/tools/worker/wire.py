"""What a pool, its workers and their fork server say to each other, in JSON. Nothing in it is executed.

With a worker in frames of a length and a body, with the fork server in packets:
pool -> server    Fork with the descriptor of the worker's socket, Kill
server -> pool    Ended
pool -> worker    Job
worker -> pool    Ready once, then for each job any number of Progressed and one Answer: Returned | Raised | Refused
"""

import struct
from typing import Any, TypeAlias

from msgspec import Struct

from agents.tools.result import MAX_RESULT_BYTES

HEADER = struct.Struct("!I")

# The largest frame that a worker may send: the result, six times longer if all of it needs escapes, and its mark.
MAX_ANSWER_BYTES = 6 * MAX_RESULT_BYTES + 4096


class Origin(Struct, frozen=True):
    """Where a worker finds a function. file: of its module, for one that can't be imported by name."""

    module: str
    qualname: str
    file: str


class Limits(Struct, frozen=True):
    """What one job may use besides what its worker has: the options of Policy with these names."""

    cpu_s: int | None = None
    memory_bytes: int | None = None
    open_files: int | None = None


class Job(Struct, frozen=True):
    """One call. arguments: the model's wire string. bound: JSON of what the host has set. path: the pool's sys.path."""

    origin: Origin
    arguments: str
    bound: str
    path: list[str]
    limits: Limits = Limits()
    max_output_bytes: int = MAX_RESULT_BYTES


class Ready(Struct, frozen=True, tag="ready"):
    """The worker has confined itself and takes jobs."""

    pid: int


class Progressed(Struct, frozen=True, tag="progressed"):
    data: Any


class Returned(Struct, frozen=True, tag="returned"):
    value: Any


class Raised(Struct, frozen=True, tag="raised"):
    type_name: str
    message: str


class Refused(Struct, frozen=True, tag="refused"):
    """The arguments are invalid; the function was not called."""

    faults: tuple[str, ...]


class Fork(Struct, frozen=True, tag="fork"):
    """A new worker, please. number: what the pool calls it."""

    number: int


class Kill(Struct, frozen=True, tag="kill"):
    number: int


class Ended(Struct, frozen=True):
    """The worker is gone, and all that it started. returncode: as subprocess has it, negative for a signal."""

    number: int
    returncode: int


Order: TypeAlias = Fork | Kill
Answer: TypeAlias = Ready | Returned | Raised | Refused
Frame: TypeAlias = Answer | Progressed


def framed(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body
