"""The outcome of a worker's answer: the result of the call, or its error."""

from typing import Any

from actors import InvalidArgument
from agents.parts.given import BY_KIND, Media
from agents.tools.errors import CallAsks, InvalidArguments, ToolRaised
from agents.tools.result import WithMedia
from agents.tools.worker.wire import Answer, ArgumentsRefused, Asks, Raised, Returned, SentMedia


def _media(sent: SentMedia) -> Media:
    """Return the part that a worker sent. Raises ToolRaised for bytes of another format: a tool may write anything."""
    try:
        return BY_KIND[sent.kind](sent.data, sent.name)
    except (KeyError, InvalidArgument) as invalid:
        raise ToolRaised("InvalidArgument", str(invalid)) from None


def value_of(answer: Answer) -> Any:
    """Return the value of an answer. Raises ToolRaised, InvalidArguments, CallAsks."""
    match answer:
        case Returned(_, value, media):
            return WithMedia(value, tuple(map(_media, media))) if media else value
        case Raised(_, type_name, message):
            raise ToolRaised(type_name, message)
        case ArgumentsRefused(_, faults):
            raise InvalidArguments(*faults)
        case Asks(_, question):
            raise CallAsks(question)
