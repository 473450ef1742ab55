"""The decisions of people on what waits in an agent's turn. agents.agent has these functions."""

from collections.abc import Sequence

from actors import Pid
from agents.core.outcome import Outcome
from agents.core.standing import Always
from agents.instance.arguments import checked_always, checked_answer, checked_optional, checked_outcome, checked_text
from agents.instance.by_id import ask, awake
from agents.instance.requests import AnswerQuestion, Approve, Deny, Settle
from agents.tools.approval import Answer


async def approve(
    pid: Pid | str,
    call_id: str,
    arguments: str | None = None,
    *,
    edited: str | None = None,
    stream_id: str | None = None,
    by: str | None = None,
    always: Always | None = None,
    same_arguments: bool = False,
) -> Answer:
    """Approve the call of a stream_approval_required, so that the call runs.

    arguments: those of the event; if given, other arguments are not approved. edited: JSON to run the call with
    instead; the model reads with the result that the user changed them. stream_id: that of the event; a provider may
    use the id of a call again in a later turn. by: the name of the person who decides, for stream_approval_decided.

    always: approve later calls of the tool, too: those of this agent ("tool"), or those in this session ("session").
    same_arguments: only those with the arguments that this call runs with.

    The agent of a parked turn is started. Return Decided, or the reason why the decision has no effect: AlreadyDecided,
    NotAsked, OtherArguments, InvalidEdit, InvalidAlways, OtherKind for a question. If the session is kept, a decision
    is on disk before this returns.
    """
    request = Approve(
        checked_text(call_id, "call_id"),
        checked_optional(arguments, "arguments"),
        checked_optional(edited, "edited"),
        checked_optional(stream_id, "stream_id"),
        checked_optional(by, "by"),
        checked_always(always),
        bool(same_arguments),
    )
    return await ask(await awake(pid), request)


async def deny(
    pid: Pid | str, call_id: str, reason: str = "", *, stream_id: str | None = None, by: str | None = None
) -> Answer:
    """Deny a call: it ends with the result "denied". reason: for the model. by, the answer: as in `approve`."""
    request = Deny(
        checked_text(call_id, "call_id"),
        checked_text(reason, "reason"),
        checked_optional(stream_id, "stream_id"),
        checked_optional(by, "by"),
    )
    return await ask(await awake(pid), request)


async def answer(
    pid: Pid | str,
    call_id: str,
    given: str | Sequence[str],
    *,
    question: str | None = None,
    stream_id: str | None = None,
    by: str | None = None,
) -> Answer:
    """Answer the question of a stream_approval_required. The answer is the result of its call, or its tool goes on.

    given: a text; a list of choices if the question accepts several. question: the text that the person was shown. Give
    it where an answer may come twice, since a tool may ask several questions in one call. by: as in `approve`. Return
    Decided, or the reason why the answer has no effect: AlreadyDecided, NotAsked, InvalidReply, OtherKind, and
    OtherQuestion if the call asks something else now. `deny` declines to answer.
    """
    request = AnswerQuestion(
        checked_text(call_id, "call_id"),
        checked_answer(given),
        checked_optional(stream_id, "stream_id"),
        checked_optional(by, "by"),
        checked_optional(question, "question"),
    )
    return await ask(await awake(pid), request)


async def settle(pid: Pid | str, key: str, outcome: Outcome) -> bool:
    """Settle a call that waits, since its outcome is not known. key: of its CallContext.

    A call that happened ends with the result. One that did not happen runs. Return False if no such call waits. The
    ledger of effects gets the new state of the call. To record who settled it, use agents.sessions.effects.settle.
    """
    return await ask(await awake(pid), Settle(checked_text(key, "key"), checked_outcome(outcome)))
