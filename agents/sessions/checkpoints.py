"""The checkpoints of turns, as their writers and readers know them: a head and parts."""

from typing import Final

from msgspec.structs import replace

from agents.core.checkpoint import TurnCheckpoint
from agents.core.checkpoint_parts import NOTHING, TurnPart, growth, head_of, whole
from agents.sessions.errors import StoreDamaged
from agents.sessions.payload import Decoder
from agents.sessions.records import Checkpoint, CheckpointPart

HEAD: Final[Decoder[TurnCheckpoint]] = Decoder(TurnCheckpoint)
PART: Final[Decoder[TurnPart]] = Decoder(TurnPart)


class CheckpointWriter:
    """The encoder of one turn's checkpoints. It encodes only what is new since the last one.

    saved: the checkpoint from which a cut turn continues. A checkpoint of an older version has no parts, so the first
    part has everything.
    """

    __slots__ = ("_last",)

    def __init__(self, saved: TurnCheckpoint | None) -> None:
        self._last = saved if saved is not None and saved.parts else TurnCheckpoint(())

    def written(self, state: TurnCheckpoint) -> tuple[bytes, tuple[CheckpointPart, ...]]:
        """Return the head, and the new part if anything is new. Raises NotData."""
        part = growth(self._last, state)
        number = self._last.parts + (part != NOTHING)
        state = replace(state, parts=number)
        parts = () if part == NOTHING else (CheckpointPart(number, PART.written(part)),)
        head = HEAD.written(head_of(state))
        self._last = state
        return head, parts


def read_checkpoint(checkpoint: Checkpoint) -> TurnCheckpoint:
    """Return the state of a turn. Raises StoreDamaged, also if a part is missing."""
    head = HEAD(checkpoint.payload)
    if not head.parts:
        return head
    parts = checkpoint.parts[: head.parts]
    if [part.number for part in parts] != list(range(1, head.parts + 1)):
        raise StoreDamaged(f"the store is damaged: expected {head.parts} parts of a checkpoint, got {len(parts)}")
    return whole(head, [_read_part(part) for part in parts])


def was_calling(payload: bytes | None) -> bool:
    """Return whether calls ran at this checkpoint, by its head. A damaged one says nothing."""
    try:
        return payload is not None and HEAD(payload).calling
    except StoreDamaged:
        return False


def _read_part(part: CheckpointPart) -> TurnPart:
    """Return a part's content. Raises StoreDamaged, also for an empty part, since none is written."""
    content = PART(part.payload)
    if content == NOTHING:
        raise StoreDamaged(f"the store is damaged: part {part.number} of a checkpoint is empty")
    return content
