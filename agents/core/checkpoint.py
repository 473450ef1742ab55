"""The state of a running turn that is kept on disk, and how a turn resumes from it after a crash.

A checkpoint is taken before calls run, with each result, and when the model is asked again. A turn without one resumes
from its message. After a crash the turn resumes from its last checkpoint:

    asking the model     the output of the model call is void: stream_reset announces it, and the model is asked again;
                         the cut call is charged with its estimated tokens
    running calls        a call with a result keeps it; an unclaimed call runs, and so does one that may run twice;
                         any other call may have run: its outcome is found out, or the model gets the result UNKNOWN
    waiting for a budget it waits on, for the same decision; nothing is void, and nothing is charged

A call is claimed on disk before it runs. One that waits for a person is not claimed, so the person is asked again.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.core.accumulator import EMPTY, Accumulator, PartialCall, Rope
from agents.core.asking import ask_model, begin, opened
from agents.core.compaction import Compaction
from agents.core.conversation import AssistantMessage, Conversation, ToolCall, UserMessage
from agents.core.deltas import Finished, Usage
from agents.core.effects import AwaitDecision, Effect, RunTool, SettleCall
from agents.core.errors import Fault, Interrupted
from agents.core.events import Event, StreamReset, StreamToolResult, ToolResult
from agents.core.execution import running_more
from agents.core.limits import Spent
from agents.core.metrics import Tally
from agents.core.parts import Content
from agents.core.published import PublishedPart
from agents.core.retry import Tries
from agents.core.round import AskedCall, Round, ToolFinished
from agents.core.step import step
from agents.core.turn import STREAMING, Past, Phase, Step, Turn, charged, fail, with_event

UNKNOWN = ToolResult(
    "error: unknown outcome: the program that ran this call was restarted; it may or may not have taken effect",
    error="unknown",
)
INTERRUPTED: Final = Interrupted()
UNTRACED: Final[Mapping[str, str]] = {}


class TurnCheckpoint(Struct, frozen=True):
    """The kept state of a turn. Fields without a description are as in a Turn's Past; said is its ended_text.

    messages: the turn's messages, from its first one on, usually the user's. executing: the answer with the calls that
    run; None while the model is asked. started: indexes of the calls that may have run. results: those of the calls.
    tally: from `Tally.kept`; None in a checkpoint of an older version. parts: number of parts in which a store has the
    rest of this checkpoint (checkpoint_parts.py); 0 if it is whole. client: names of the client's tools. calling:
    whether calls run, in the head of a checkpoint in parts. trace: headers that name the span of the turn; {} without
    telemetry. question: as a position in messages. compaction: None if the turn has made none. rewritten: those of the
    running calls whose arguments a hook or a person has changed. waiting: for a decision, so no model call is under
    way. asked: those of the running calls whose functions have asked a person.
    """

    messages: Conversation
    executing: AssistantMessage | None = None
    started: tuple[int, ...] = ()
    results: tuple[ToolFinished, ...] = ()
    said: str = ""
    spent: Spent = Spent()
    tries: Tries = Tries()
    steered: tuple[Content, ...] = ()
    answer_tries: int = 0
    calls: tuple[ToolCall, ...] = ()
    tally: Tally | None = None
    parts: int = 0
    client: tuple[str, ...] = ()
    calling: bool = False
    trace: dict[str, str] = {}
    question: int = 0
    compaction: Compaction | None = None
    rewritten: tuple[ToolCall, ...] = ()
    waiting: bool = False
    asked: tuple[AskedCall, ...] = ()

    @property
    def is_first(self) -> bool:
        """Return whether the turn has only asked the model: its message and stream_start are enough to resume it."""
        tally = self.tally and Tally(self.tally.started_s, self.tally.started_unix_s)
        only_asked = len(self.messages) == 1 and isinstance(self.messages[0], UserMessage)
        return only_asked and self == TurnCheckpoint(self.messages, tally=tally)


def first_checkpoint(message: Content, events: Sequence[Event]) -> TurnCheckpoint:
    """Return the checkpoint of a turn that has only asked the model. events: those of its stream, so far."""
    times = [event.at for event in events[:1] if event.at is not None]
    return TurnCheckpoint((UserMessage(message),), tally=Tally(0.0, times[0]) if times else None)


def checkpoint(turn: Turn, before: Conversation, now_s: float, trace: Mapping[str, str] = UNTRACED) -> TurnCheckpoint:
    """Return the checkpoint of a turn.

    before: the conversation at the turn's start, without the turn's first messages. now_s: as in turn.step. trace: as
    in TurnCheckpoint.
    """
    past, acc = turn.past, turn.acc
    executing, rewritten = None, tuple[ToolCall, ...]()
    if turn.phase is Phase.EXECUTING:
        items, origin = acc.end.items if isinstance(acc.end, Finished) else (), past.model.origin
        executing = AssistantMessage(acc.content, acc.tool_calls, acc.reasoning, items=items, origin=origin)
        rewritten = past.round.changed(executing.tool_calls)
    return TurnCheckpoint(
        past.conversation[len(before) :],
        executing,
        tuple(sorted(past.round.claimed)) if executing is not None else (),
        past.round.results,
        past.ended_text,
        past.spent,
        past.tries,
        past.steered,
        past.answer_tries,
        past.calls,
        past.tally.kept(now_s),
        client=tuple(sorted(past.policy.client)),
        trace=dict(trace),
        question=past.question - len(before),
        compaction=past.compaction if past.compacted else None,
        rewritten=rewritten,
        waiting=turn.phase is Phase.WAITING,
        asked=past.round.asked,
    )


def resumed(
    saved: TurnCheckpoint,
    log: PublishedPart,
    past: Past,
    *,
    idempotent: Collection[str],
    now_s: float,
    doubtful: Collection[int] = (),
) -> Step:
    """Return the step with which a cut turn continues.

    past: of a new turn, with the conversation before the cut turn. idempotent: names of the tools that may run the same
    call twice. doubtful: indexes of the other calls whose outcome can be found out.
    """
    turn = _restored(saved, log, past)
    if log.seq == 0:
        return begin(log.stream_id, past.agent_id, turn.conversation, past.policy, past.tally, past.compaction)
    if turn.phase is Phase.WAITING:
        return turn, (AwaitDecision(),)
    if turn.phase is STREAMING:
        turn = Turn(STREAMING, Accumulator(log.stream_id, turn.acc.attempt, log.seq), charged(turn, Usage()).past)
        turn, events = with_event(turn, StreamReset(Interrupted(), saved.said), now_s)
        turn, asking = ask_model(turn, now_s)
        return turn, (*events, *asking)
    in_flight = _in_flight(turn)
    again = tuple(RunTool(call, decided=True) for call in in_flight if call.name in idempotent)
    effects: tuple[Effect, ...] = ()
    for call in (each for each in in_flight if each.name not in idempotent):
        if call.index in doubtful:
            effects += (SettleCall(call),)
        else:
            turn, more = step(turn, ToolFinished(call.index, UNKNOWN), now_s)
            effects += more
    if turn.phase is Phase.EXECUTING:
        turn, more = running_more(turn)
        effects += more
    return turn, (*effects, *again)


def interrupted(
    saved: TurnCheckpoint, log: PublishedPart, past: Past, now_s: float, fault: Fault = INTERRUPTED
) -> Step:
    """Return the step that ends a cut turn with this fault.

    The text that had arrived is kept. Calls in flight get the result UNKNOWN.
    """
    turn = _restored(saved, log, past)
    published: tuple[Event, ...] = ()
    if log.seq == 0:
        turn, start = opened(log.stream_id, turn.past)
        turn, published = replace(turn, phase=Phase.WAITING), (start,)  # no model was asked
    for call in _in_flight(turn):
        after_call = turn.past.round.finished(ToolFinished(call.index, UNKNOWN))
        turn = replace(turn, past=replace(turn.past, round=after_call))
        turn, events = with_event(turn, StreamToolResult(call, UNKNOWN), now_s)
        published += events
    turn, effects = fail(turn, fault, now_s)
    return turn, (*published, *effects)


def _restored(saved: TurnCheckpoint, log: PublishedPart, past: Past) -> Turn:
    """Return the cut turn as far as it is known. The reasoning and the calls of an unfinished model call are lost.

    past: as in `resumed`; its tally begins now. The turn's events get the next attempt, because their seqs may leave a
    gap after the crash.
    """
    past, answer = _restored_past(saved, past), saved.executing
    if answer is None:
        text, phase = log.content[len(saved.said) :], Phase.WAITING if saved.waiting else STREAMING
        return Turn(phase, Accumulator(log.stream_id, log.attempt + 1, log.seq, text=_rope(text)), past)
    own = tuple(call for call in answer.tool_calls if call.name not in saved.client)
    begun = Round(own, frozenset(saved.started), saved.results, asked=saved.asked)
    for call in saved.rewritten:
        begun = begun.having(call)
    return Turn(Phase.EXECUTING, _restored_answer(answer, log), replace(past, round=begun))


def _restored_past(saved: TurnCheckpoint, past: Past) -> Past:
    now, tally = past.tally, past.tally
    if saved.tally is not None:
        tally = saved.tally.resumed(now.started_s, now.started_unix_s)
    return replace(
        past,
        conversation=(*past.conversation, *saved.messages),
        policy=replace(past.policy, client=frozenset(saved.client)),
        spent=saved.spent,
        ended_text=saved.said,
        tries=saved.tries if saved.tries.route < len(past.policy.models) else Tries(),
        steered=saved.steered,
        answer_tries=saved.answer_tries,
        calls=saved.calls,
        question=len(past.conversation) + saved.question,
        compaction=saved.compaction or past.compaction,
        compacted=saved.compaction is not None,
        tally=tally if saved.executing is None else tally.executing(now.started_s),
    )


def _restored_answer(answer: AssistantMessage, log: PublishedPart) -> Accumulator:
    calls = tuple(
        PartialCall(call.index, call.id, call.name, _rope(call.arguments), done=True, extra=call.extra)
        for call in answer.tool_calls
    )
    return Accumulator(
        log.stream_id,
        log.attempt + 1,
        log.seq,
        text=_rope(answer.content),
        thoughts=_rope(answer.reasoning),
        calls=calls,
        end=Finished(None, items=answer.items),
    )


def _in_flight(turn: Turn) -> tuple[ToolCall, ...]:
    """Return the calls that were started and have no result."""
    running = turn.past.round
    return tuple(call for call in running.calls if running.call(call.index) is not None)


def _rope(text: str) -> Rope:
    return (EMPTY, text) if text else EMPTY
