"""The owner's side of a link: the answers to the calls of another node."""

from typing import Any, Final

from actors import NORMAL, CallFailed, Pid, call, ended
from agents.cluster.errors import Garbage, TooLarge
from agents.cluster.finding import NOT_STARTED, Find, OwnedBy, line_of
from agents.cluster.link.link import Link
from agents.cluster.link.wire import CallAnswered, CallRefused, NotHere, SessionCall
from agents.cluster.node_requests import THIS_NODE, answer_of_node
from agents.cluster.relay import AGENT_ENDED, FAILED, UNKNOWN_REQUEST
from agents.cluster.requests import packed_answer, unpacked_request, wakes
from agents.instance.elsewhere import CANNOT_START, HANDED_OVER, PARKED, Control, control
from agents.instance.requests import Retire

TOO_LARGE: Final = "too_large"
"""A kind of CallRefused, besides AGENT_ENDED, FAILED, UNKNOWN_REQUEST and CANNOT_START."""


async def answer_call(link: Link, request: SessionCall, find: Find) -> None:
    """Answer a call of the peer, whatever happens."""
    kind, text = FAILED, "the request failed on the node of its session"
    try:
        link.reply(await _answer(request, find))
        kind = ""
    except Garbage as garbage:
        kind, text = UNKNOWN_REQUEST, str(garbage)
    except CallFailed:
        kind, text = AGENT_ENDED, "the agent ended before it answered"
    except NOT_STARTED as failed:
        kind, text = CANNOT_START, line_of(failed)
    except TooLarge as large:
        kind, text = TOO_LARGE, str(large)
    finally:
        if kind:
            link.reply(CallRefused(request.id, kind, text))


async def _answer(request: SessionCall, find: Find) -> CallAnswered | NotHere:
    if request.session == THIS_NODE:
        return CallAnswered(request.id, await answer_of_node(request.request))
    agent = await find(request.session, wakes=wakes(request.request))
    if isinstance(agent, OwnedBy):
        return NotHere(request.id, agent.epoch)
    answer: Any = False  # a sleeping agent has nothing to stop or to suspend
    if isinstance(agent, Pid):
        asked = unpacked_request(request.request)
        try:
            answer = await (control(agent, asked) if isinstance(asked, Control) else call(agent, asked, None))
        except CallFailed as failed:
            if failed.reason not in (NORMAL, HANDED_OVER, PARKED):
                raise
            return NotHere(request.id, None)  # it has not read the request, which goes to its successor
        if isinstance(asked, Retire) and answer is True:
            await ended(agent)  # which frees the session, so that the caller may delete it
    return CallAnswered(request.id, packed_answer(answer))
