"""The ledger of effects: what is known of each call of a tool that is not idempotent. Pure.

    intended --about to run--> begun --> done | failed | unknown
             <--asks a person--

A call that never ran ends as failed, without having begun. A call whose function asks a person is as it was before this
attempt began, and so is its number of attempts.
"""

from enum import StrEnum
from hashlib import blake2b, sha256
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import ToolCall
from agents.core.round import Round


def call_key(session_id: str, stream_id: str, model_call: int, index: int) -> str:
    """Return the idempotency key of a call, in the form of a UUID (RFC 9562, version 8).

    It follows from the call's place in its turn, so it is the same after a restart and on another node. The id of a
    call is not unique: a provider may use it again.
    """
    place = "\0".join((session_id, stream_id, str(model_call), str(index)))
    digits = blake2b(place.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


class EffectState(StrEnum):
    """The knowledge of the outcome of a call."""

    INTENDED = "intended"
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


DOUBTFUL: Final = frozenset({"unknown", "timeout", "crashed", "cpu_time"})
"""The errors of calls that may have taken effect."""


class LedgerEntry(Struct, frozen=True):
    """The state of one call. attempt: 0 for a call that never began. arguments: SHA-256 of those that it runs with.

    error: of its result.
    """

    key: str
    call_id: str
    tool: str
    arguments: str
    state: EffectState
    attempt: int = 0
    error: str | None = None

    def ended(self, error: str | None) -> "LedgerEntry":
        """Return the entry after the result of the call. error: of the result."""
        failed = EffectState.UNKNOWN if error in DOUBTFUL else EffectState.FAILED
        return replace(self, state=EffectState.DONE if error is None else failed, error=error)

    def cut_off(self) -> "LedgerEntry":
        """Return the entry of a call that had no result at the end of its turn."""
        if self.state is EffectState.INTENDED:
            return replace(self, state=EffectState.FAILED, error=NOT_RUN)
        return replace(self, state=EffectState.UNKNOWN)


NOT_RUN: Final = "not_run"
"""The error of a call that was not run before its turn ended."""


def entry_of(call: ToolCall, key: str, running: Round, first: int = 1) -> LedgerEntry:
    """Return the entry of a call without a result. first: the number of its first attempt in this program.

    An attempt that a crash cut is the first one, too, until the call runs again.
    """
    attempt = first + running.again.count(call.index)
    if call.index not in running.claimed:
        state, attempt = EffectState.INTENDED, attempt - 1
    else:
        state = EffectState.UNKNOWN if call.index in running.doubtful else EffectState.BEGUN
    digest = sha256(call.arguments.encode("utf-8", "surrogatepass")).hexdigest()
    return LedgerEntry(key, call.id, call.name, digest, state, attempt)
