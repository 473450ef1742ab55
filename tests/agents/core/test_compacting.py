"""Compactions: for any conversation and any context window, the model gets a whole and well-formed part of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.checkpoint import checkpoint, resumed
from agents.core.compacting import Room, estimate, plan, question_in
from agents.core.compaction import NOTHING_LEFT_OUT, SHORT, Compaction
from agents.core.context import ContextPolicy, ContextStrategy, rate_of, tokens_of
from agents.core.conversation import (
    AssistantMessage,
    Conversation,
    Function,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    well_formed,
)
from agents.core.deltas import Delta, Failed, Finished, FinishReason, Usage
from agents.core.errors import ApiError, LimitReached
from agents.core.events import StreamCompacted, StreamComplete, StreamError, StreamReset
from agents.core.metrics import Tally
from agents.core.parts import FilePart, ImagePart, TextPart
from agents.core.published import log_of
from agents.core.retry import CONTEXT_LENGTH, RetryPolicy
from agents.core.turn import Past
from agents.sessions.checkpoints import CheckpointWriter, read_checkpoint
from agents.sessions.records import Checkpoint
from tests.agents.core.play import FINISHED, Play, call, calls, check_laws, kinds, scripts, text

TOO_LONG = Failed(ApiError(400, "too long", CONTEXT_LENGTH))
lengths = st.sampled_from([0, 1, 10, SHORT, 400, 2000])
image = ImagePart("0" * 64, "image/png", 70)


@st.composite
def turns(draw: st.DrawFn, number: int) -> list[Message]:
    """Return a turn: a question, model calls with calls and results, messages that joined it, and an answer."""
    question = "q" * draw(lengths)
    messages: list[Message] = [UserMessage((TextPart(question), image) if draw(st.booleans()) else question)]
    for round_ in range(draw(st.integers(0, 3))):
        ids = [f"{number}-{round_}-{index}" for index in range(draw(st.integers(1, 3)))]
        called = tuple(ToolCall(id_, Function("look", "{}"), index) for index, id_ in enumerate(ids))
        messages.append(AssistantMessage("a" * draw(lengths), called))
        messages += [ToolMessage(id_, "look", "r" * draw(lengths)) for id_ in ids]
        if draw(st.booleans()):
            messages.append(UserMessage("joins"))
    if draw(st.booleans()):
        messages.append(AssistantMessage("a" * draw(lengths)))
    return messages


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Return a conversation whose last message waits for an answer of the model."""
    prompt: list[Message] = [SystemMessage("prompt")] if draw(st.booleans()) else []
    messages = [message for number in range(draw(st.integers(0, 6))) for message in draw(turns(number))]
    return (*prompt, *messages, UserMessage("?"), *draw(turns(9))[1:])


policies = st.builds(ContextPolicy, keep_turns=st.integers(0, 3), extra=st.sampled_from([0, 500]))
rooms = st.sampled_from([Room(0, 0), Room(50, 25), Room(400, 200), Room(2000, 1000), Room(10**6, 10**6)])


def is_part_of(part: Conversation, whole: Conversation) -> bool:
    """Return whether the part has messages of the whole in their order. Results may be shortened."""
    rest = iter(whole)
    return all(any(_same(message, each) for each in rest) for message in part)


def _same(message: Message, original: Message) -> bool:
    if isinstance(message, ToolMessage) and isinstance(original, ToolMessage):
        return message.tool_call_id == original.tool_call_id
    return message == original


@given(conversations(), policies, rooms, st.sampled_from([0.5, 1.0, 3.0]))
def test_the_model_gets_whole_turns_and_whole_model_calls_in_their_order(
    conversation: Conversation, policy: ContextPolicy, room: Room, rate: float
) -> None:
    question = question_in(conversation)
    planned = plan(policy, Compaction(rate=rate), conversation, question, room)
    sent = planned.sent(conversation)
    assert well_formed(sent) == sent
    own = tuple(message for message in sent if message != UserMessage(planned.note))
    assert is_part_of(own, conversation)
    assert own[:1] == conversation[:1] or not isinstance(conversation[0], SystemMessage)
    assert conversation[question] in own
    assert not isinstance(conversation[-1], AssistantMessage | UserMessage) or own[-1] == conversation[-1]
    assert estimate(policy, planned, conversation) <= estimate(policy, NOTHING_LEFT_OUT, conversation) + 20


@given(conversations(), policies, rooms)
def test_a_request_fits_unless_only_its_question_and_its_last_model_call_are_left(
    conversation: Conversation, policy: ContextPolicy, room: Room
) -> None:
    question = question_in(conversation)
    planned = plan(policy, NOTHING_LEFT_OUT, conversation, question, room)
    if estimate(policy, planned, conversation) > room.limit + 20:
        own = [each for each in planned.sent(conversation) if not isinstance(each, SystemMessage | ToolMessage)]
        answers = [message for message in own if isinstance(message, AssistantMessage)]
        assert len(answers) <= 1
        assert own[0] in (UserMessage(planned.note), conversation[question])


@given(conversations(), policies)
def test_a_later_compaction_leaves_out_all_that_an_earlier_one_did(
    conversation: Conversation, policy: ContextPolicy
) -> None:
    question = question_in(conversation)
    earlier = plan(policy, NOTHING_LEFT_OUT, conversation, question, Room(2000, 1000))
    later = plan(policy, earlier, conversation, question, Room(100, 50))
    gone = [{place for begin, end in each.omitted for place in range(begin, end)} for each in (earlier, later)]
    assert gone[0] <= gone[1]
    assert earlier.cleared <= later.cleared
    assert plan(policy, later, conversation, question, Room(100, 50)) == later


def test_old_results_go_before_turns_and_the_last_turns_stay_while_they_fit() -> None:
    def called(number: int) -> list[Message]:
        call = ToolCall(str(number), Function("look", "{}"))
        return [UserMessage("q" * 400), AssistantMessage("", (call,)), ToolMessage(str(number), "look", "r" * 4000)]

    conversation = (*[message for number in range(5) for message in called(number)], UserMessage("?"))
    policy, question = ContextPolicy(keep_turns=2), len(conversation) - 1
    results = plan(policy, NOTHING_LEFT_OUT, conversation, question, Room(4000, 2800))
    assert (results.omitted, results.cleared) == ((), 9)
    turns = plan(policy, NOTHING_LEFT_OUT, conversation, question, Room(2600, 2400))
    assert (turns.omitted, turns.cleared) == (((0, 6),), 9)
    kept = plan(policy, NOTHING_LEFT_OUT, conversation, question, Room(500, 300))
    assert (kept.omitted, kept.cleared) == (((0, 9),), 15)
    last = plan(policy, NOTHING_LEFT_OUT, conversation, question, Room(200, 190))
    assert (last.omitted, last.cleared) == (((0, 12),), 15)


def test_a_last_result_that_never_fits_goes_before_the_calls_of_its_turn() -> None:
    def called(number: int, length: int) -> list[Message]:
        call = ToolCall(str(number), Function("look", "{}"))
        return [AssistantMessage("", (call,)), ToolMessage(str(number), "look", "r" * length)]

    turn = (UserMessage("?"), *called(1, 400), *called(2, 400))
    large = plan(ContextPolicy(), NOTHING_LEFT_OUT, (*turn, *called(3, 9000)), 0, Room(200, 150))
    assert (large.omitted, large.cleared) == ((), 7)
    small = plan(ContextPolicy(), NOTHING_LEFT_OUT, (*turn, *called(3, 400)), 0, Room(190, 175))
    assert (small.omitted, small.cleared) == (((1, 3),), 5)


def test_images_and_files_count_and_the_providers_count_corrects_the_estimate() -> None:
    assert tokens_of(UserMessage((image,))) > 1000
    assert tokens_of(UserMessage((FilePart("0" * 64, "application/pdf", 50_000),))) > 1000
    assert tokens_of(UserMessage("日" * 40)) == tokens_of(UserMessage("a" * 120))
    assert rate_of(150, 100, 1.0) == 1.5
    assert rate_of(None, 100, 1.25) == 1.25
    assert (rate_of(1, 100, 1.0), rate_of(10**6, 100, 1.0)) == (0.5, 4.0)


@pytest.mark.parametrize("strategy", list(ContextStrategy))
@given(script=scripts())
def test_the_laws_of_a_stream_hold_in_any_context_window(strategy: ContextStrategy, script: list[list[Delta]]) -> None:
    for max_tokens in (1, 20, 60):
        play = Play(*script, context=ContextPolicy(max_tokens, 0, strategy, 0))
        while play.running:
            play.finish(play.running[0])
        if play.turn.outcome is not None:
            check_laws(play.events, play.turn)


def test_a_request_that_the_provider_refuses_as_too_long_is_made_shorter_once() -> None:
    answered: list[Delta] = [*text("Done"), FINISHED]
    play = Play([*calls(1), FINISHED], [*calls(1), FINISHED], [TOO_LONG], answered)
    play.finish(0)
    play.finish(0)
    assert kinds(play.events)[-4:] == ["StreamReset", "StreamCompacted", "StreamToken", "StreamComplete"]
    assert len(play.asked[-1].conversation) < len(play.asked[-2].conversation)
    twice = Play([*calls(1), FINISHED], [*calls(1), FINISHED], [TOO_LONG], [TOO_LONG])
    twice.finish(0)
    twice.finish(0)
    end = twice.events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == TOO_LONG.fault


def test_the_providers_count_corrects_only_the_estimate_of_its_own_request() -> None:
    def counted(tokens: int) -> list[Delta]:
        return [*calls(1), Finished(FinishReason.STOP, usage=Usage(tokens, 1, tokens + 1))]

    play = Play(counted(90), counted(90), [TOO_LONG], counted(60), counted(9000))
    for _ in range(3):
        play.finish(0)
    rate = play.turn.past.compaction.rate
    assert 0.5 < rate < 4.0
    assert play.turn.past.asked == 0


def test_the_summary_counts_as_usage_of_the_turn_but_not_as_one_of_its_model_calls() -> None:
    usage = Usage(900, 100, 1000, 0, 0)
    called: list[Delta] = [*calls(1), Finished(FinishReason.STOP, usage=usage)]
    play = Play(called, called, [*text("Done"), FINISHED], context=ContextPolicy(60, 0, ContextStrategy.SUMMARISE, 0))
    play.finish(0)
    play.finish(0)
    (compacted,) = [event for event in play.events if isinstance(event, StreamCompacted)]
    end: Any = play.events[-1]
    assert compacted.summary == "in short"
    assert play.asked[-1].conversation[0] == UserMessage(play.turn.past.compaction.note)
    assert end.response.usage.total_tokens == 2 * 1000 + 15 + 15
    assert play.turn.past.spent.model_calls == 3


def test_the_strategy_fail_has_the_limit_and_the_estimate_as_its_reason() -> None:
    play = Play(context=ContextPolicy(10, 6, ContextStrategy.FAIL))
    (end,) = play.events[1:]
    assert isinstance(end, StreamError)
    assert end.reason == LimitReached("context", 4, 5)
    assert end.response is not None
    assert end.response.usage == Usage(0, 0, 0, 0, 0)
    assert not [event for event in play.events if isinstance(event, StreamReset | StreamComplete)]


def test_a_turn_that_a_crash_cut_continues_with_its_compaction() -> None:
    opening: list[Delta] = [*calls(1), FINISHED]
    play = Play(opening, opening, opening, context=ContextPolicy(20, 0, ContextStrategy.SUMMARISE, 0))
    play.finish(0)
    play.finish(0)
    saved = checkpoint(play.turn, (), 2.0)
    assert saved.compaction is not None
    head, parts = CheckpointWriter(None).written(saved)
    read = read_checkpoint(Checkpoint("s", 9, head, parts=parts))
    past = Past("agent", (), play.turn.past.policy, Tally(5.0))
    turn, _ = resumed(read, log_of("s", play.events), past, idempotent=("search",), now_s=5.0)
    assert turn.past.compaction == play.turn.past.compaction
    assert (turn.past.question, turn.past.compacted) == (0, True)


def test_eager_calls_of_a_refused_answer_end_before_a_shorter_request() -> None:
    first: list[Delta] = [*calls(1), FINISHED]
    broken: list[Delta] = [*text("I look"), *call(0, "{}"), TOO_LONG]
    retries = RetryPolicy(after_output=True)
    eager = frozenset({"search"})
    play = Play(first, first, broken, [*text("Done"), FINISHED], retries=retries, eager=eager)
    play.finish(0)
    play.finish(0)
    assert play.running == []
    assert kinds(play.events)[-4:] == ["StreamReset", "StreamCompacted", "StreamToken", "StreamComplete"]
    check_laws(play.events, play.turn)
