"""The steps of a turn whose answer the host denies or replaces after it has arrived."""

from typing import Final

from msgspec.structs import replace

from agents.core.deltas import Finished, Usage
from agents.core.errors import Denied
from agents.core.failing import voided
from agents.core.turn import Phase, Step, Turn, fail, model_call_counted

REPLACED: Final = Denied("a hook has replaced the answer")


def answer_rewritten(turn: Turn, now_s: float) -> Step:
    """Void the text that subscribers have. The replacement follows as new tokens."""
    return voided(turn, REPLACED, now_s)


def answer_denied(turn: Turn, fault: Denied, end: Finished, now_s: float) -> Step:
    """End the turn without the answer, whose usage counts. Text that subscribers have is void."""
    turn = model_call_counted(turn, end.usage or Usage())
    acc = turn.acc
    turn, events = voided(turn, fault, now_s) if acc.text or acc.thoughts or acc.calls or acc.refusals else (turn, ())
    turn, effects = fail(replace(turn, phase=Phase.CHECKING), fault, now_s)
    return turn, (*events, *effects)
