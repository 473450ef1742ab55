"""What a pool and its workers say to each other: JSON in frames of a length and a body. Nothing in it is executed.

pool -> worker    Job
worker -> pool    Ready once, then one Answer a job: Returned | Raised | Refused
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


class Job(Struct, frozen=True):
    """One call. arguments: the model's wire string. bound: JSON of what the host has set. path: the pool's sys.path."""

    origin: Origin
    arguments: str
    bound: str
    path: list[str]


class Ready(Struct, frozen=True, tag="ready"):
    """The worker has confined itself and takes jobs."""


class Returned(Struct, frozen=True, tag="returned"):
    value: Any


class Raised(Struct, frozen=True, tag="raised"):
    type_name: str
    message: str


class Refused(Struct, frozen=True, tag="refused"):
    """The arguments are invalid; the function was not called."""

    faults: tuple[str, ...]


Answer: TypeAlias = Ready | Returned | Raised | Refused


def framed(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body
