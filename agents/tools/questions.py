"""The questions of calls to a person, and the results that their answers become."""

from msgspec import Struct

from agents.core.events import ToolResult
from agents.core.question import AnswerValue, Question, checked
from agents.tools.errors import InvalidArguments, ToolRaised
from agents.tools.forked import children_end_here
from agents.tools.result import result_text
from agents.tools.tool import Tool


class InvalidReply(Struct, frozen=True):
    """A refusal: the question does not accept this answer. The question still waits. reason: what is wrong."""

    call_id: str
    reason: str


def question_of(tool: Tool, arguments: str) -> Question:
    """Return the question of a call of a tool that asks. Raises InvalidArguments, and ToolRaised for a faulty tool."""
    try:
        with children_end_here():
            asked = tool.function(**tool.arguments(arguments))
    except InvalidArguments:
        raise
    except BaseException as error:  # the tool's own code, which may call sys.exit
        raise ToolRaised.by(error) from error
    if not isinstance(asked, Question):
        raise ToolRaised("TypeError", f"expected a Question of a tool with asks=True, got {type(asked).__name__}")
    try:
        return checked(asked)
    except ValueError as invalid:
        raise InvalidArguments(str(invalid)) from None


def answered(question: Question, given: AnswerValue) -> ToolResult:
    """Return the result of a call whose question has this valid answer."""
    value = _value(question.answer(given))
    return ToolResult(result_text(value), value)


def unanswered(question: Question, timeout_s: float) -> ToolResult:
    """Return the result of a call whose question nobody answered in time. The model learns that nobody did."""
    nobody = f"nobody answered within {timeout_s:g} s"
    if question.default is None:
        return ToolResult(f"error: {nobody}", error="unanswered")
    value = _value(question.answer(question.default))
    return ToolResult(f"{nobody}; this is the default answer: {result_text(value)}", value)


def _value(answer: AnswerValue) -> str | list[str]:
    """Return the answer as JSON data."""
    return answer if isinstance(answer, str) else list(answer)
