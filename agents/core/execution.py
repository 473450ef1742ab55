"""The steps of a turn that start its calls and take their results.

`step.py` decides when each of these steps is taken.
"""

from msgspec.structs import replace

from agents.core.asking import ask_again
from agents.core.conversation import ToolCall
from agents.core.deltas import CallDone, Finished
from agents.core.effects import ApprovalAsked, RunTool, ToolCleared, Work
from agents.core.errors import LoopFound, ToolError
from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamFunctionExecutionStart,
    StreamToolResult,
    StreamUsage,
)
from agents.core.hand_off import PREFIX, handed_off
from agents.core.limits import breach
from agents.core.round import Round, ToolFinished, started
from agents.core.turn import (
    Phase,
    Step,
    Turn,
    ended,
    fail,
    response_of,
    with_decision,
    with_event,
    with_results,
    with_steered,
)
from agents.core.waiting import Ruling


def eager(turn: Turn, done: CallDone) -> tuple[Turn, tuple[Work, ...]]:
    """Start the call at once if its tool is eager, and if the call would start at an end of the answer here."""
    past, limits = turn.past, turn.past.policy.limits
    if not past.policy.eager:
        return turn, ()
    calls = turn.acc.tool_calls
    place = next(place for place, call in enumerate(calls) if call.index == done.index)
    call, begun = calls[place], past.round
    within = limits.tool_calls is None or len(past.calls) + len(calls) <= limits.tool_calls
    if call.name not in past.policy.eager or not within:
        return turn, ()
    _, startable = started(Round(calls[: place + 1], begun.started), limits.parallel_tools, past.policy.barriers)
    if call not in startable:
        return turn, ()
    begun = Round((*begun.calls, call), begun.started | {call.index})
    return replace(turn, past=replace(past, round=begun)), (RunTool(call),)


def executing(turn: Turn, end: Finished, now_s: float) -> Step:
    """Run the calls of the ended model call, if its answer is complete and no limit is exceeded.

    Calls of the client's tools do not run. They end the turn after the results of the others.
    """
    past, calls = turn.past, turn.acc.tool_calls
    if not end.complete:
        cut = end.raw_reason or "cut"
        return fail(turn, ToolError(calls[-1].id, f"the response ended early ({cut}), so no call of it was run"), now_s)
    spent = replace(past.spent, tool_calls=past.spent.tool_calls + len(calls))
    if (loop := _loop(turn)) is not None:
        return fail(turn, loop, now_s)
    if (reached := breach(past.policy.limits, spent)) is not None:
        return fail(turn, reached, now_s)
    own = tuple(call for call in calls if call.name not in past.policy.client)
    begun = Round(own, past.round.started)
    tally = past.tally.executing(now_s)
    turn = Turn(
        Phase.EXECUTING,
        turn.acc,
        replace(past, spent=spent, tally=tally, calls=past.calls + calls, round=begun),
    )
    events: tuple[Event, ...] = ()
    if not own:
        return handed_back(turn, now_s)
    if end.usage is not None:
        session = past.before.plus(past.charges)
        used = StreamUsage(spent.usage, spent.cost, session.tokens, session.cost)
        turn, events = with_event(turn, used, now_s)
    turn, start = with_event(turn, StreamFunctionExecutionStart(), now_s)
    turn, runs = running_more(turn)
    return turn, (*events, *start, *runs)


def running_more(turn: Turn) -> tuple[Turn, tuple[Work, ...]]:
    """Start the calls that may start now."""
    policy, round_ = turn.past.policy, turn.past.round
    limits = policy.limits
    asks, asked = _asked(turn), frozenset(each.index for each in round_.asked)
    following, calls = started(
        round_,
        limits.parallel_tools,
        policy.barriers,
        policy.approval,
        policy.agents,
        limits.parallel_agents,
        asks | asked,
    )
    runs = tuple(RunTool(call, asks=call.index in asks, asked=call.index in asked) for call in calls)
    return replace(turn, past=replace(turn.past, round=following)), runs


def _loop(turn: Turn) -> LoopFound | None:
    """Return the loop that the calls of an answer continue too often. The calls of the turn do not have them yet."""
    policy, earlier = turn.past.policy.loops, turn.past.calls
    calls = turn.acc.tool_calls
    for place, call in enumerate(calls):
        count = policy.count((*earlier, *calls[:place]), call)
        if policy.stops(count):
            return LoopFound(call.name, count)
    return None


def _asked(turn: Turn) -> frozenset[int]:
    """Return the indexes of the running calls about which a person decides, since they continue a loop."""
    policy = turn.past.policy.loops
    if policy.ask is None or len(turn.past.calls) < policy.ask:
        return frozenset()
    return frozenset(call.index for call in turn.acc.tool_calls if policy.asks(_count(turn, call.index)))


def _count(turn: Turn, index: int) -> int:
    """Return how often a running call has been made in a row. Hand-offs have a limit of their own."""
    past, calls = turn.past, turn.acc.tool_calls
    place = next((place for place, call in enumerate(calls) if call.index == index), None)
    if place is None or calls[place].name.startswith(PREFIX):
        return 0
    before = len(past.calls) - len(calls) + place
    return past.policy.loops.count(past.calls[:before], calls[place])


def approval_asked(turn: Turn, call: ToolCall, asked: ApprovalAsked, now_s: float) -> Step:
    """Announce that the call waits for a decision, with the arguments that it would run with."""
    if asked.kind == "effect":
        turn = replace(turn, past=replace(turn.past, round=turn.past.round.doubted(call.index)))
    if asked.midway:
        turn = replace(turn, past=replace(turn.past, round=turn.past.round.asking(call.index)))
    if asked.arguments is not None:
        call = call.edited(asked.arguments)
        turn = replace(turn, past=replace(turn.past, round=turn.past.round.having(call)))
    deadline = turn.past.tally.unix_s(now_s) + asked.timeout_s if asked.deadline is None else asked.deadline
    rest = asked.on_timeout, asked.kind, asked.why, asked.question
    required = StreamApprovalRequired(call, asked.timeout_s, deadline, *rest)
    return with_event(turn, required, now_s)


def tool_cleared(turn: Turn, call: ToolCall, cleared: ToolCleared, now_s: float) -> Step:
    """Claim the call, and run it. The claim records that the call may have run."""
    call = call if cleared.arguments is None else call.edited(cleared.arguments)
    following = turn.past.round.cleared(call)
    if cleared.answer is not None:
        following = following.answered(call.index, cleared.answer)
    turn = replace(turn, past=replace(turn.past, round=following))
    turn, events = _decided(turn, call, cleared.ruling, now_s)
    return turn, (*events, RunTool(call, cleared=True))


def _decided(turn: Turn, call: ToolCall, ruling: Ruling | None, now_s: float) -> tuple[Turn, tuple[Event, ...]]:
    """Announce the decision, if there was one."""
    return (turn, ()) if ruling is None else with_decision(turn, call, ruling, now_s)


def tool_finished(turn: Turn, finished: ToolFinished, now_s: float) -> Step:
    """Publish a call's result and start the calls that waited for it. After the last result, ask the model again."""
    call = turn.past.round.call(finished.index)
    if call is None:
        return turn, ()
    turn, decided = _decided(turn, call, finished.ruling, now_s)
    if note := turn.past.policy.loops.note(call, _count(turn, finished.index)):
        finished = replace(finished, result=replace(finished.result, content=finished.result.content + note))
    past = replace(turn.past, round=turn.past.round.finished(replace(finished, ruling=None)))
    if finished.result.error:
        past = replace(past, tally=past.tally.failed(f"{call.name}: {finished.result.error}"))
    turn, events = with_event(replace(turn, past=past), StreamToolResult(call, finished.result), now_s)
    if past.round.over:
        turn = replace(turn, past=replace(past, tally=past.tally.executed(now_s)))
        if _asks_client(turn):
            turn, effects = handed_back(turn, now_s)
        else:
            conversation = with_results(turn)
            turn, more = handed_off(turn, now_s)
            turn, effects = ask_again(turn, conversation, now_s)
            effects = (*more, *effects)
    else:
        turn, effects = running_more(turn)
    return turn, (*decided, *events, *effects)


def handed_back(turn: Turn, now_s: float) -> Step:
    """End the turn with its calls of the client's tools. The next message has their results.

    A message that the user added goes before the calls, because their results must follow them.
    """
    past = replace(turn.past, conversation=with_steered(turn.past.conversation, turn.past), steered=())
    turn = replace(turn, past=past)
    response = response_of(turn, now_s)
    past = replace(past, conversation=with_results(turn))
    return ended(replace(turn, past=past), StreamComplete(response), now_s)


def _asks_client(turn: Turn) -> bool:
    return any(call.name in turn.past.policy.client for call in turn.acc.tool_calls)
