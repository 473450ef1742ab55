"""One call to run, as its owner gives it to the call's supervisor."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeAlias

from msgspec import Struct, field

from actors import Pid
from agents.core.conversation import ToolCall
from agents.core.outcome import Outcome
from agents.core.parts import MediaPart
from agents.core.turn import Past
from agents.parts.given import Media
from agents.parts.store import NotKept
from agents.tools.call_context import OUTSIDE, CallContext
from agents.tools.tool import Tool
from agents.traces.carrier import NO_TRACE, Carrier

Keep: TypeAlias = Callable[[Sequence[Media]], Awaitable[tuple[MediaPart, ...]]]
"""Keep the bytes of a result, and return the parts that name them. Raises NotKept."""


async def no_store(media: Sequence[Media]) -> tuple[MediaPart, ...]:
    """Refuse the images, sounds and files of a result."""
    raise NotKept("expected a result without images, sounds and files: nothing keeps their bytes here")


class Calling(Protocol):
    """The turn that makes the calls."""

    @property
    def stream_id(self) -> str: ...

    @property
    def past(self) -> Past: ...

    def context(self, call: ToolCall) -> CallContext:
        """Return the context of a call, without attempt and deadline."""

    def attempts_before(self, call: ToolCall) -> int:
        """Return how often the call was begun before this program continued the turn."""

    def edited_before(self, call: ToolCall) -> bool:
        """Return whether a person approved the call with these arguments before this program continued the turn."""

    def settled(self, call: ToolCall) -> Outcome | None:
        """Return the outcome that a person has given to a call that a crash cut; None if nobody has."""

    def seen(self) -> dict[str, int] | None: ...

    async def kept_result(self, handle: str) -> bytes | None: ...


class Job(Struct, frozen=True):
    """One call to run. Its owner gets Attempted for every attempt that runs, Progressed messages, and one Answered.

    number: the call's number in its turn. An index is not unique, since each model call counts from 0.
    unread: the reported values that the owner has not read. Each has one Progressed message on its way.
    begun: the list to which the call's supervisor adds itself. An owner that is ended during the start finds it there.
    keep: keeps the images, sounds and files of the result. turn: None for calls outside of a turn.
    agents: the sub-agents of the turn, by the numbers of their calls. trace: of the call. context: of the call, without
    attempt and deadline. attempts: yields the number of each attempt that begins. retried: the retries before the call
    last asked a person.
    """

    number: int
    tool: Tool
    call: ToolCall
    owner: Pid
    unread: deque[Any]
    begun: list[Pid]
    keep: Keep
    turn: Calling | None = None
    agents: dict[int, Pid] = field(default_factory=dict)
    trace: Carrier = NO_TRACE
    context: CallContext = OUTSIDE
    attempts: Iterator[int] = field(default_factory=partial(count, 1))
    retried: int = 0
