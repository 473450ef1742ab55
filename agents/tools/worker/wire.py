"""The messages between a pool, its fork servers and its workers, in JSON. Nothing in them is executed.

With a worker in frames of a length and a body, with a fork server in packets:
pool -> server    Fork with the descriptor of a socket, Kill, Load, Watch
server -> pool    Obeyed for its start and for each order, Loaded after a Load, Ended
pool -> worker    one Job
worker -> pool    Ready, then any number of Progressed and one Answer: Returned | Raised | Refused
"""

import struct
from typing import Any, TypeAlias

from msgspec import Struct

from agents.tools.progress import MAX_PROGRESS_BYTES
from agents.tools.result import MAX_RESULT_BYTES

HEADER = struct.Struct("!I")

# The largest frames that a worker may send: six times longer than the data if all of it needs escapes, and the mark.
MAX_ANSWER_BYTES = 6 * MAX_RESULT_BYTES + 4096
MAX_PROGRESS_FRAME_BYTES = 6 * MAX_PROGRESS_BYTES + 4096


class Origin(Struct, frozen=True):
    """The place of a tool's function. file: of its module, for a module that can't be imported by its name."""

    module: str
    qualname: str
    file: str


class Limits(Struct, frozen=True):
    """What one job may use besides what its worker has: the options of Policy with these names."""

    cpu_s: int | None = None
    memory_bytes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None


class Job(Struct, frozen=True):
    """One call. number: stands in each frame of its answer. arguments: the model's wire string.

    bound: JSON of what the host has set. path: the pool's sys.path.
    """

    number: int
    origin: Origin
    arguments: str
    bound: str
    path: list[str]
    limits: Limits = Limits()
    max_output_bytes: int = MAX_RESULT_BYTES


class Ready(Struct, frozen=True, tag="ready"):
    """The worker has confined itself and takes its job."""


class Progressed(Struct, frozen=True, tag="progressed"):
    number: int
    data: Any


class Returned(Struct, frozen=True, tag="returned"):
    number: int
    value: Any


class Raised(Struct, frozen=True, tag="raised"):
    number: int
    type_name: str
    message: str


class Refused(Struct, frozen=True, tag="refused"):
    """The arguments are invalid; the function was not called."""

    number: int
    faults: tuple[str, ...]


class Fork(Struct, frozen=True, tag="fork"):
    """Start a child. number: the pool's name of it."""

    number: int


class Kill(Struct, frozen=True, tag="kill"):
    number: int


class Watch(Struct, frozen=True, tag="watch"):
    """End the child as soon as it has started more than this many processes that live."""

    number: int
    processes: int


class Load(Struct, frozen=True, tag="load"):
    """Import the module and find the function in it. path: the pool's sys.path."""

    origin: Origin
    path: list[str]


class Obeyed(Struct, frozen=True, tag="obeyed"):
    """The server has read an order, or has started."""


class Loaded(Struct, frozen=True, tag="loaded"):
    """fault: one line that says why the tool can't be used, if it can't."""

    fault: str = ""


class Ended(Struct, frozen=True, tag="ended"):
    """The child is gone, and all that it started. how: as WorkerDied has it."""

    number: int
    how: str


Order: TypeAlias = Fork | Kill | Watch | Load
Packet: TypeAlias = Obeyed | Loaded | Ended
Answer: TypeAlias = Returned | Raised | Refused
Frame: TypeAlias = Ready | Progressed | Answer


def framed(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body
