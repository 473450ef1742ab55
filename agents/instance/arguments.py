"""Checks of the arguments of agents/agent.py, before anything changes.

Each function returns the value in the form that the agent may keep, or raises InvalidArgument.
"""

from typing import Any, Final, get_args

import msgspec

from actors import NOPROC, CallFailed, InvalidArgument, Pid
from actors.kernel.errors import OTHER_LOOP, named
from actors.system.current import calling_process, running_loop
from agents.agent_config.answer_type import AnswerType, InvalidAnswerType
from agents.agent_config.request import TurnRequest
from agents.agent_registry import is_agent
from agents.core.outcome import Outcome
from agents.core.question import AnswerValue
from agents.core.response import Response
from agents.core.standing import Always
from agents.core.text import HALF, ID_WORDS, TEXT, is_id, is_text, no_text_in
from agents.parts.given import GivenContent, Media, Text, content_of

EXPECTED: Final = "the Pid or the id of an agent"
FIND: Final = "start_agent returns the Pid, and the key id of its configuration sets the id"
PARTS: Final = "a list has Text, Image, Audio and File of `agents`"
MAX_SEQ: Final = 2**63 - 1


def checked_agent(given: object) -> Pid | str:
    """Return the Pid of a running agent, or a text that may be an id. Raises CallFailed for an agent that has ended."""
    if isinstance(given, str):
        if not is_id(given):
            raise InvalidArgument(EXPECTED, named(given), f"an id is {ID_WORDS}")
        return str.__str__(given)
    if not isinstance(given, Pid):
        raise InvalidArgument(EXPECTED, named(given), FIND)
    if not _lives(given):
        raise CallFailed(given, NOPROC)
    if not is_agent(given):
        raise InvalidArgument(EXPECTED, named(given), "another process has it")
    return given


def check_loop(agent: Pid) -> None:
    """Check that the caller runs on the agent's loop. Raises CallFailed, as `call` does, if not."""
    if agent.process is not None and agent.process.system.loop is not running_loop():
        raise CallFailed(agent, OTHER_LOOP)


def checked_subscriber(pid: object) -> Pid:
    """Return the subscriber; for None the calling process."""
    subscriber = checked_unsubscriber(pid)
    if not _lives(subscriber):
        raise InvalidArgument("a running process as the subscriber", named(subscriber), "it has ended")
    return subscriber


def checked_unsubscriber(pid: object) -> Pid:
    """Return a subscriber that may have ended; for None the calling process."""
    return calling_process("a call without subscriber_pid").pid if pid is None else checked_pid(pid)


def checked_pid(pid: object) -> Pid:
    if not isinstance(pid, Pid):
        raise InvalidArgument("the Pid of a process as the subscriber", named(pid), "a Mailbox has one: box.pid")
    return pid


def checked_message(message: object) -> GivenContent:
    """Return the message: a text, or one part or a list of parts, with the bytes of its parts."""
    if isinstance(message, GivenContent):
        return message
    if isinstance(message, Media):
        return content_of((message,))
    if isinstance(message, list | tuple):
        return _checked_parts(message)
    if isinstance(message, Response):
        raise InvalidArgument("a str as the message", named(message), "its text is response.content")
    if isinstance(message, dict | bytes | bytearray | memoryview):
        hint = PARTS if isinstance(message, dict) else "Image(data), Audio(data) and File(data) take bytes"
        raise InvalidArgument("a str as the message", named(message), hint)
    text = checked_text(message, "the message")
    if not text:
        raise InvalidArgument("a message that is not empty", named(text))
    return GivenContent(text)


def _checked_parts(given: list[Any] | tuple[Any, ...]) -> GivenContent:
    if not given or not all(isinstance(each, Text | Media) for each in given):
        raise InvalidArgument("a str as the message", named(given), PARTS)
    return content_of(given)


def checked_text(text: object, what: str) -> str:
    """Return the text as a plain str: a subclass may hold more than its text. what: the argument, for the error."""
    if not isinstance(text, str):
        raise InvalidArgument(f"a str as {what}", named(text))
    if not is_text(text):
        raise InvalidArgument(f"{TEXT} as {what}", HALF)
    return str.__str__(text)


def checked_optional(text: object, what: str) -> str | None:
    return None if text is None else checked_text(text, what)


def checked_always(always: object) -> Always | None:
    if always is None or always in get_args(Always):
        return always  # type: ignore[return-value]  # checked here
    raise InvalidArgument('"tool", "session" or None as always', named(always))


def checked_answer(given: object) -> AnswerValue:
    """Return a person's answer: a text, or a tuple of texts."""
    if isinstance(given, list | tuple):
        return tuple(checked_text(text, "the answer") for text in given)
    return checked_text(given, "the answer")


def checked_outcome(outcome: object) -> Outcome:
    if isinstance(outcome, Outcome):
        return outcome
    raise InvalidArgument("Happened, DidNotHappen or NotKnown as outcome", named(outcome))


def checked_new_id(stream_id: object) -> str | None:
    """Return the id for a new stream; None if the caller gave none."""
    checked = checked_optional(stream_id, "stream_id")
    if checked is not None and not is_id(checked):
        raise InvalidArgument(f"a stream_id of {ID_WORDS}", named(checked))
    return checked


def checked_request(request: object) -> TurnRequest | None:
    """Return a message's request. Its tools and options are data for the provider, so they must be JSON data."""
    if request is None:
        return None
    if not isinstance(request, TurnRequest):
        raise InvalidArgument("request: a TurnRequest, or None", named(request))
    data = (msgspec.to_builtins(request.messages), list(request.tools), request.instructions, dict(request.options))
    if (fault := no_text_in(data)) is not None:
        raise InvalidArgument(f"request: {fault.expected}", fault.got)
    if unnamed := next((tool for tool in request.tools if not isinstance(tool.get("name"), str)), None):
        raise InvalidArgument("request: tools with a name", named(unnamed))
    return request


def checked_answer_type(answer_type: Any) -> AnswerType | None:
    """Return the answer type of a message; None for the agent's own."""
    if answer_type is None or isinstance(answer_type, AnswerType):
        return answer_type
    try:
        return AnswerType.of(answer_type)
    except InvalidAnswerType as invalid:
        fault = invalid.fault
        raise InvalidArgument(f"{fault.expected} as answer_type", fault.got) from None


def checked_seq(after: object) -> int:
    if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after <= MAX_SEQ:
        raise InvalidArgument("the seq of an event, or 0, as after", named(after))
    return after


def _lives(pid: Pid) -> bool:
    """Return whether the process and its event loop still run."""
    return pid.process is not None and not pid.process.system.loop.is_closed()
