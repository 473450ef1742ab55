"""ask_user: the model asks a person, and the turn waits for the answer."""

from typing import Annotated

from pydantic import Field

from agents.core.question import Question
from agents.tools.signature import Bound
from agents.tools.tool import tool

Choice = Annotated[str, Field(min_length=1, max_length=200)]


DAY_S = 86_400.0


@tool(asks=True)
def ask_user(
    question: Annotated[str, Field(description="The question, in full", min_length=1, max_length=4000)],
    choices: Annotated[
        tuple[Choice, ...] | None, Field(description="The valid answers; without them any text is valid", max_length=50)
    ] = None,
    several: Annotated[bool, Field(description="Whether the answer may have more than one of the choices")] = False,
    default: Annotated[str | None, Field(description="The answer if nobody answers in time")] = None,
    *,
    timeout_s: Annotated[float, Bound] = DAY_S,
) -> Question:
    """Ask the user a question, and wait for the answer. Use it only for what you can't find out yourself."""
    return Question(question, choices or (), several, default, timeout_s)
