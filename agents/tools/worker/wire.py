"""The messages between a pool, its fork servers and its workers, in JSON. Nothing in them is executed.

A worker gets and sends frames of a length and a body. A fork server gets and sends packets.
pool -> server    BeginOrder, ForkOrder with the descriptor of a socket, KillOrder, LoadOrder, WatchOrder
server -> pool    Alive from the first fork server, Obeyed for its start and for each order, LoadReport, ChildEnded
pool -> worker    one WorkerJob
worker -> pool    WorkerReady, then any number of ProgressReport and one Answer
"""

import struct
from typing import Any, TypeAlias

from msgspec import Struct

from agents.core.faults import Fault
from agents.core.question import Question
from agents.tools.call_context import OUTSIDE, CallContext
from agents.tools.progress import MAX_PROGRESS_BYTES
from agents.tools.result import MAX_PARTS, MAX_PARTS_BYTES, MAX_RESULT_BYTES

HEADER = struct.Struct("!I")

# The largest frames that a worker may send: escapes can make data six times longer, base64 makes it a third longer,
# and a cut text has a mark.
MAX_ANSWER_BYTES = 6 * MAX_RESULT_BYTES + MAX_PARTS_BYTES * 4 // 3 + MAX_PARTS * 2048 + 4096
MAX_PROGRESS_FRAME_BYTES = 6 * MAX_PROGRESS_BYTES + 4096


class FunctionOrigin(Struct, frozen=True):
    """The place of a tool's function. file: the module's file, for a module that can't be imported by its name."""

    module: str
    qualname: str
    file: str


class JobLimits(Struct, frozen=True):
    """The limits of one job beyond what its worker has: the options of Policy with these names."""

    cpu_s: int | None = None
    memory_bytes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None


class WorkerJob(Struct, frozen=True):
    """One call. number: repeated in each frame of its answer. arguments: the model's wire string.

    bound: JSON of the values that the host has set. path: the pool's sys.path. trace: of the call. context: without its
    dependencies, which are in bound.
    """

    number: int
    origin: FunctionOrigin
    arguments: str
    bound: str
    path: list[str]
    limits: JobLimits = JobLimits()
    max_output_bytes: int = MAX_RESULT_BYTES
    trace: dict[str, str] = {}
    context: CallContext[None] = OUTSIDE


class WorkerReady(Struct, frozen=True, tag="ready"):
    """A report that the worker has confined itself and can take its job."""


class ProgressReport(Struct, frozen=True, tag="progressed"):
    number: int
    data: Any


class SentMedia(Struct, frozen=True):
    """An image, a sound or a file in a result."""

    kind: str
    data: bytes
    name: str


class Returned(Struct, frozen=True, tag="returned", omit_defaults=True):
    number: int
    value: Any
    media: tuple[SentMedia, ...] = ()


class Raised(Struct, frozen=True, tag="raised"):
    number: int
    type_name: str
    message: str


class ArgumentsRefused(Struct, frozen=True, tag="refused"):
    """An answer to invalid arguments. The function was not called."""

    number: int
    faults: tuple[str, ...]


class Asks(Struct, frozen=True, tag="asks"):
    """An answer to a job whose function asks a person."""

    number: int
    question: Question


class BeginOrder(Struct, frozen=True, tag="begin"):
    """The first order to the first fork server, which loads its modules when this arrives, if not before."""


class ForkOrder(Struct, frozen=True, tag="fork"):
    """An order to start a child. number: the pool's name for it."""

    number: int


class KillOrder(Struct, frozen=True, tag="kill"):
    number: int


class WatchOrder(Struct, frozen=True, tag="watch"):
    """An order to end the child as soon as it has more than this many descendants that live."""

    number: int
    processes: int


class LoadOrder(Struct, frozen=True, tag="load"):
    """An order to import the module and find the function in it. path: the pool's sys.path."""

    origin: FunctionOrigin
    path: list[str]


class Alive(Struct, frozen=True, tag="alive"):
    """The interpreter runs. The server's modules are not loaded yet."""


class Obeyed(Struct, frozen=True, tag="obeyed"):
    """A report that the server has read an order, or has started."""


class LoadReport(Struct, frozen=True, tag="loaded"):
    """A report that the import has ended. faults: why the tool can't be used, or none."""

    faults: tuple[Fault, ...] = ()


class ChildEnded(Struct, frozen=True, tag="ended"):
    """A report that the child and all that it started are gone. how: as in WorkerDied."""

    number: int
    how: str


class NotForked(Struct, frozen=True, tag="not_forked"):
    """A report that the kernel refused the child. how: as in WorkerDied."""

    number: int
    how: str


Order: TypeAlias = BeginOrder | ForkOrder | KillOrder | WatchOrder | LoadOrder
Packet: TypeAlias = Alive | Obeyed | LoadReport | ChildEnded | NotForked
Answer: TypeAlias = Returned | Raised | ArgumentsRefused | Asks
Frame: TypeAlias = WorkerReady | ProgressReport | Answer


def framed(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body
