"""The answer of a turn, in the form that `chat` returns or raises, and the end of its agent in words."""

from typing import Any

from msgspec.structs import asdict

from actors import Crash
from agents.agent_config.answer_type import AnswerType
from agents.core.errors import Fault, InvalidAnswer
from agents.core.response import Response, TypedResponse


class StreamFailed(Exception):
    """Raised by `chat`: the stream ended with stream_error. fault: the reason. content: the text that had arrived."""

    def __init__(self, fault: Fault, content: str) -> None:
        super().__init__(str(fault))
        self.fault, self.content = fault, content


def typed(response: Response, answer: AnswerType) -> TypedResponse[Any]:
    """Return the response with a value of the answer type. Raises StreamFailed for a refusal, which has no value."""
    if response.refusal is not None:
        fault = f"answer: expected {answer.name}, got a refusal: {response.refusal}"
        raise StreamFailed(InvalidAnswer((fault,)), response.content)
    return TypedResponse(**{**asdict(response), "value": answer.value_of(response.answer)})


def words_of(reason: object) -> str:
    """Return an exit reason as text for subscribers. A crash gives only the exception's type, without its text."""
    return f"crash: {type(reason.exception).__name__}" if isinstance(reason, Crash) else repr(reason)
