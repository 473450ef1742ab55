"""The options of a request, for the API of the agent's model: chat completions or responses.

An option that the API of the agent's model does not have is left out.
"""

from collections.abc import Mapping
from typing import Any, Final

from agents.gateway.openai_api.chat_body import CompletionBody, CompletionOptions, ToolChoice
from agents.llm.endpoint import Api

COMMON: Final = ("temperature", "top_p", "parallel_tool_calls")
FORCED: Final = "required"


def given_options(body: CompletionBody) -> dict[str, Any]:
    """Return the options that the request has, as the chat API has them."""
    options = body.model_dump(include=set(CompletionOptions.model_fields), exclude_none=True)
    if is_forced(body.tool_choice):
        options["tool_choice"] = body.tool_choice
    if isinstance(body.tool_choice, ToolChoice):
        options["tool_choice"] = body.tool_choice.model_dump()
    return options


def is_forced(choice: ToolChoice | str | None) -> bool:
    """Return whether the model must call a tool."""
    return choice == FORCED or isinstance(choice, ToolChoice)


def both(chat: Mapping[str, Any]) -> Mapping[Api, Mapping[str, Any]]:
    """Return the options for each API. chat: those for the chat API."""
    return {Api.CHAT: chat, Api.RESPONSES: _for_responses(chat)}


def _for_responses(chat: Mapping[str, Any]) -> dict[str, Any]:
    options = {key: chat[key] for key in COMMON if key in chat}
    if (most := chat.get("max_completion_tokens", chat.get("max_tokens"))) is not None:
        options["max_output_tokens"] = most
    if "reasoning_effort" in chat:
        options["reasoning"] = {"effort": chat["reasoning_effort"]}
    if text := _text_options(chat):
        options["text"] = text
    if (choice := chat.get("tool_choice")) is not None:
        options["tool_choice"] = choice if isinstance(choice, str) else {"type": "function", **choice["function"]}
    return options


def _text_options(chat: Mapping[str, Any]) -> dict[str, Any]:
    text = {"verbosity": chat["verbosity"]} if "verbosity" in chat else {}
    if (form := chat.get("response_format")) is not None:
        text["format"] = {**form.get("json_schema", {}), "type": form.get("type")}
    return text
