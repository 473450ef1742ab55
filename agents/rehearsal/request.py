"""A request: the parts of a Chat Completions or Responses body that a script uses.

A conversation is refused as OpenAI refuses it: each tool call needs its result, and each result its call.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.rehearsal.errors import ErrorResponse
from agents.rehearsal.parts import SeenPart, continues_results, parts_in

Body = Mapping[str, Any]


@dataclass(frozen=True)
class ToolOutput:
    """The result of a tool. name: of the tool."""

    name: str
    content: str


@dataclass(frozen=True)
class ModelRequest:
    """A request. user: the last user message. round: the number of rounds of tool calls after it, with results.

    results: of all those rounds, in order. input_tokens: an estimate of the conversation's length. parts: the images,
    sounds and files of the whole conversation.
    """

    body: Body
    model: str
    user: str
    round: int
    results: tuple[ToolOutput, ...]
    input_tokens: int
    parts: tuple[SeenPart, ...] = ()

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))


@dataclass
class _Reading:
    """A conversation, read from its beginning. open_calls: names of calls without a result, by id."""

    user: str = ""
    rounds: int = 0
    results: list[ToolOutput] = field(default_factory=list)
    open_calls: dict[str, str] = field(default_factory=dict)
    answering: bool = False
    parts: list[SeenPart] = field(default_factory=list)

    def take_user(self, text: str) -> None:
        self.user, self.rounds, self.results, self.answering = text, 0, [], False

    def take_call(self, call_id: str, name: str) -> None:
        self.open_calls[call_id] = name
        self.answering = False

    def take_result(self, call_id: str, content: str) -> None:
        """Take a result. The first result after a call begins a round, and adjacent results belong to it."""
        self.rounds += not self.answering
        self.answering = True
        self.results.append(ToolOutput(self.open_calls.pop(call_id), content))


def read_chat(body: Body) -> ModelRequest:
    """Return the request in a Chat Completions body. Raises ErrorResponse."""
    model, messages = _model_of(body), _objects(body, "messages")
    reading = _Reading()
    for message in messages:
        _take_message(reading, message)
    _refuse_open_calls(reading, "messages")
    return _request(body, model, reading, messages)


def read_responses(body: Body) -> ModelRequest:
    """Return the request in a Responses body. Raises ErrorResponse."""
    model = _model_of(body)
    if body.get("previous_response_id"):
        message = "The rehearsal server keeps no responses: send the whole conversation as input"
        raise ErrorResponse(400, message, param="previous_response_id", code="previous_response_not_found")
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else _objects(body, "input")
    reading = _Reading()
    for item in items:
        _take_item(reading, item)
    _refuse_open_calls(reading, "input")
    return _request(body, model, reading, items)


def _take_message(reading: _Reading, message: Body) -> None:
    """Read one message. In chat, results directly follow the message with their calls."""
    match message:
        case {"role": "tool"}:
            _take_result(reading, message.get("tool_call_id"), message.get("content"), "messages")
            return
        case {"role": str()}:
            _refuse_open_calls(reading, "messages")
        case _:
            raise ErrorResponse(400, "Invalid 'messages': a message has no role.", param="messages")
    content = message.get("content")
    reading.parts += parts_in(content, "messages") if message["role"] == "user" else ()
    if message["role"] == "user" and not (reading.answering and continues_results(content)):
        reading.take_user(_text(content))
    for call in _objects(message, "tool_calls") if message.get("tool_calls") else ():
        match call:
            case {"id": str(call_id), "function": {"name": str(name)}}:
                reading.take_call(call_id, name)
            case _:
                raise ErrorResponse(
                    400, "Invalid 'tool_calls': a call needs an id and a function's name.", param="messages"
                )


def _take_item(reading: _Reading, item: Body) -> None:
    match item:
        case {"type": "function_call", "call_id": str(call_id), "name": str(name)}:
            reading.take_call(call_id, name)
        case {"type": "function_call"}:
            raise ErrorResponse(400, "Invalid 'input': a function_call needs a call_id and a name.", param="input")
        case {"type": "function_call_output"}:
            reading.parts += parts_in(item.get("output"), "input")
            _take_result(reading, item.get("call_id"), item.get("output"), "input")
        case {"role": "user"}:
            reading.parts += parts_in(item.get("content"), "input")
            reading.take_user(_text(item.get("content")))
        case _:
            pass  # a script does not use system messages, earlier answers and reasoning


def _take_result(reading: _Reading, call_id: object, content: object, param: str) -> None:
    if not isinstance(call_id, str) or call_id not in reading.open_calls:
        raise ErrorResponse(400, f"Expected the id of an open tool call in a tool result, got {call_id!r}", param=param)
    reading.take_result(call_id, _text(content))


def _refuse_open_calls(reading: _Reading, param: str) -> None:
    if reading.open_calls:
        raise ErrorResponse(400, f"Tool calls without a result: {', '.join(reading.open_calls)}", param=param)


def _request(body: Body, model: str, reading: _Reading, messages: Iterable[Body]) -> ModelRequest:
    words = sum(len(_text(message.get("content", message.get("output"))).split()) for message in messages)
    return ModelRequest(body, model, reading.user, reading.rounds, tuple(reading.results), words, tuple(reading.parts))


def _model_of(body: Body) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise ErrorResponse(400, "You must provide a model parameter", param="model")
    return model


def _objects(body: Body, param: str) -> list[Body]:
    """Return the list of objects under param."""
    if param not in body:
        raise ErrorResponse(
            400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
        )
    value = body[param]
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise ErrorResponse(400, f"Invalid '{param}': expected a non-empty array of objects.", param=param)
    return value


def _text(content: object) -> str:
    """Return the text of a content: a string, or parts that each have a text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return ""
