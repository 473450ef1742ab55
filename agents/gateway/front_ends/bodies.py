"""The requests of front ends. A session has its conversation, so only the messages after the last answer count."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from agents.agent_config.request import TurnRequest
from agents.core.conversation import Conversation, Message, ToolMessage, UserMessage
from agents.core.text import to_json
from agents.gateway.actions import Id
from agents.gateway.errors import Refusal
from agents.gateway.openai_api.chat_body import Content
from agents.gateway.openai_api.messages import result_of
from agents.gateway.openai_api.tools import ClientFunction, described
from agents.gateway.routes.request_body import RequestBody

NO_MESSAGE = "messages: expected a message of the user, or results of calls, after the last answer; got none"


class _Lenient(BaseModel):
    """A part of a request in a protocol that may get more keys."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class AgUiFunction(_Lenient):
    name: str


class AgUiCall(_Lenient):
    """A call of an earlier answer."""

    id: str
    function: AgUiFunction


class AgUiMessage(_Lenient):
    """A message of the thread. Other keys are ignored."""

    role: str
    content: Content = None
    tool_calls: list[AgUiCall] | None = None
    tool_call_id: str | None = None


class AgUiTool(ClientFunction):
    """A tool of the front end."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class AgUiContext(_Lenient):
    """A fact about the front end, for the model."""

    description: str
    value: str


class RunInput(RequestBody):
    """The input of a run. thread_id: of the session. run_id: of the stream.

    The front end runs `tools`. The model reads `context` for this run only. Other keys, such as `state`, are ignored:
    the agent has its state.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)

    thread_id: Id
    run_id: Id
    messages: list[AgUiMessage]
    tools: list[AgUiTool] | None = None
    context: list[AgUiContext] | None = None

    def asked(self) -> TurnRequest:
        """Return the request of the turn. Raises Refusal."""
        names = {call.id: call.function.name for message in self.messages for call in message.tool_calls or ()}
        found: list[Message] = []
        for place, message in _after_answer([each.role for each in self.messages], self.messages):
            if message.role == "user":
                found.append(UserMessage(message.content or ""))
            elif message.role == "tool":
                where = f"messages[{place}].toolCallId"
                found.append(result_of(message.tool_call_id, message.content or "", names, where))
        context = "\n".join(f"{each.description}: {each.value}" for each in self.context or ())
        tools = described(self.tools or ())
        size_bytes = len(to_json((found, tools, context)))
        return TurnRequest(_some(found), tools, context, size_bytes=size_bytes)


class UiTextPart(_Lenient):
    """A part of a message. Only the text of the user counts."""

    type: str
    text: str | None = None


class UiMessage(_Lenient):
    """A message of the chat. Other keys are ignored."""

    role: str
    parts: list[UiTextPart] = []


class UiChat(RequestBody):
    """A request of the AI SDK's useChat. id: of the session. Other keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Id
    messages: Annotated[list[UiMessage], Field(min_length=1)]
    trigger: Literal["submit-message"] = "submit-message"

    def message(self) -> str:
        """Return the last message. Raises Refusal."""
        last = self.messages[-1]
        text = "".join(part.text or "" for part in last.parts if part.type == "text")
        if last.role != "user" or not text:
            raise Refusal(422, NO_MESSAGE)
        if any(part.type == "file" for part in last.parts):
            raise Refusal(422, "messages: expected parts of type text in the last message, got a file")
        return text


def _after_answer(roles: Sequence[str], messages: Sequence[Any]) -> list[tuple[int, Any]]:
    """Return the messages after the last answer of the assistant, each with its place."""
    answers = [place for place, role in enumerate(roles) if role == "assistant"]
    begin = answers[-1] + 1 if answers else 0
    return [*enumerate(messages)][begin:]


def _some(found: Sequence[Message]) -> Conversation:
    if not any(isinstance(message, UserMessage | ToolMessage) for message in found):
        raise Refusal(422, NO_MESSAGE)
    return tuple(found)
