"""What must be on disk of a turn that runs, so that it can go on after a crash; and how it goes on.

Taken when the turn has begun, before calls run, and with each result. A turn is resumed from its last checkpoint:

    asking the model     what the model call had said is void: the model is asked again, announced by stream_reset
    running calls        those with a result keep it; those that were not started, or may run twice, run;
                         any other was in flight, and whether it happened is unknown: that is what the model is told
"""

from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from agents.core.accumulator import EMPTY, Accumulator, PartialCall, Rope
from agents.core.conversation import AssistantMessage, Conversation, ToolCall
from agents.core.deltas import Finished
from agents.core.effects import Effect, RunTool
from agents.core.errors import Interrupted
from agents.core.events import Event, StreamReset, StreamToken, StreamToolResult, ToolResult
from agents.core.execution import running_more
from agents.core.limits import Spent
from agents.core.retry import Tries
from agents.core.round import Round, ToolFinished
from agents.core.step import step
from agents.core.turn import STREAMING, Past, Phase, Step, Turn, asking, begin, fail, saying

UNKNOWN = ToolResult(
    "error: unknown outcome: the program that ran this call was restarted; it may or may not have taken effect",
    error="unknown",
)


class Checkpoint(Struct, frozen=True):
    """messages: of this turn, from the user's on. executing: the answer whose calls run, None while a model is asked.

    started, results: of those calls. The rest as in a Turn's Past.
    """

    messages: Conversation
    executing: AssistantMessage | None = None
    started: tuple[int, ...] = ()
    results: tuple[ToolFinished, ...] = ()
    said: str = ""
    spent: Spent = Spent()
    tries: Tries = Tries()
    steered: tuple[str, ...] = ()
    answer_tries: int = 0
    calls: tuple[ToolCall, ...] = ()


def checkpoint(turn: Turn, before: Conversation) -> Checkpoint:
    """before: the conversation that the turn began with, without its user message."""
    past, acc = turn.past, turn.acc
    executing = None
    if turn.phase is Phase.EXECUTING:
        items = acc.end.items if isinstance(acc.end, Finished) else ()
        origin = past.model.origin
        executing = AssistantMessage(acc.content, acc.tool_calls, acc.reasoning, items=items, origin=origin)
    return Checkpoint(
        past.conversation[len(before) :],
        executing,
        tuple(sorted(past.round.started)) if executing is not None else (),
        past.round.results,
        past.said,
        past.spent,
        past.tries,
        past.steered,
        past.answer_tries,
        past.calls,
    )


class Log(Struct, frozen=True):
    """What the subscribers of a cut turn may have seen: its last event's seq and attempt, and the text that stood."""

    stream_id: str
    seq: int = 0
    attempt: int = 1
    content: str = ""


def log_of(stream_id: str, events: Iterable[Event]) -> Log:
    pieces: list[str] = []
    seq, attempt = 0, 1
    for event in events:
        seq, attempt = event.seq, event.attempt
        if isinstance(event, StreamToken):
            pieces.append(event.token)
        elif isinstance(event, StreamReset):
            pieces = [event.content]
    return Log(stream_id, seq, attempt, "".join(pieces))


def resumed(saved: Checkpoint, log: Log, past: Past, *, idempotent: Collection[str], now_s: float) -> Step:
    """The turn as it goes on.

    past: of a turn that begins now, with the conversation before the cut one. idempotent: names of the tools whose
    calls may run twice.
    """
    turn = _restored(saved, log, past)
    if log.seq == 0:
        return begin(log.stream_id, past.agent_id, turn.conversation, past.policy, past.tally)
    if turn.phase is STREAMING:
        acc = Accumulator(log.stream_id, turn.acc.attempt, log.seq)
        turn, events = saying(replace(turn, acc=acc), StreamReset(Interrupted(), saved.said))
        return turn, (*events, asking(turn.past))
    in_flight = _in_flight(turn)
    again = tuple(RunTool(call) for call in in_flight if call.name in idempotent)
    effects: tuple[Effect, ...] = ()
    for call in in_flight:
        if call.name not in idempotent:
            turn, more = step(turn, ToolFinished(call.index, UNKNOWN), now_s)
            effects += more
    if turn.phase is Phase.EXECUTING:
        turn, more = running_more(turn)
        effects += more
    return turn, (*effects, *again)


def interrupted(saved: Checkpoint, log: Log, past: Past, now_s: float) -> Step:
    """The turn as it ends: what had arrived is kept, and of calls that were in flight it is said that nobody knows."""
    turn = _restored(saved, log, past)
    published: tuple[Event, ...] = ()
    if log.seq == 0:
        turn, (start, _) = begin(log.stream_id, past.agent_id, turn.conversation, past.policy, past.tally)
        published = (start,)  # type: ignore[assignment]  # a stream_start
    for call in _in_flight(turn):
        answered = turn.past.round.finished(ToolFinished(call.index, UNKNOWN))
        turn, told = saying(replace(turn, past=replace(turn.past, round=answered)), StreamToolResult(call, UNKNOWN))
        published += told
    turn, effects = fail(turn, Interrupted(), now_s)
    return turn, (*published, *effects)


def _restored(saved: Checkpoint, log: Log, past: Past) -> Turn:
    """The turn as it was, as far as it is known: what a model call had said of reasoning and calls is gone.

    Its events are of the next attempt: after a crash their seqs need not follow on the last one's.
    """
    tries = saved.tries if saved.tries.route < len(past.policy.models) else Tries()
    past = replace(
        past,
        conversation=(*past.conversation, *saved.messages),
        spent=saved.spent,
        said=saved.said,
        tries=tries,
        steered=saved.steered,
        answer_tries=saved.answer_tries,
        calls=saved.calls,
    )
    said = saved.executing
    if said is None:
        text = log.content[len(saved.said) :]
        return Turn(STREAMING, Accumulator(log.stream_id, log.attempt + 1, log.seq, text=_rope(text)), past)
    calls = tuple(
        PartialCall(call.index, call.id, call.name, _rope(call.arguments), done=True, extra=call.extra)
        for call in said.tool_calls
    )
    acc = Accumulator(
        log.stream_id,
        log.attempt + 1,
        log.seq,
        text=_rope(said.content),
        thoughts=_rope(said.reasoning),
        calls=calls,
        end=Finished(None, items=said.items),
    )
    begun = Round(said.tool_calls, frozenset(saved.started), saved.results)
    return Turn(Phase.EXECUTING, acc, replace(past, round=begun))


def _in_flight(turn: Turn) -> tuple[ToolCall, ...]:
    """Calls that were started and have no result."""
    running = turn.past.round
    return tuple(call for call in running.calls if running.call(call.index) is not None)


def _rope(text: str) -> Rope:
    return (EMPTY, text) if text else EMPTY
