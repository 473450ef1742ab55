"""The answer of a turn, in the form that `chat` returns or raises."""

from typing import Any

from msgspec.structs import asdict

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
