"""What an agent is told at its start, checked in one go. Source: API reference, "Per-Agent Configuration"."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from agents.core.conversation import Conversation, SystemMessage
from agents.core.turn import Limits
from agents.llm.endpoint import Api, Endpoint
from agents.settings import HttpAddress, Milliseconds, Settings
from agents.tools.errors import InvalidTool
from agents.tools.registry import resolve
from agents.tools.tool import Tool


class InvalidAgentConfig(ValueError):
    """faults: one line each, "key: expected ..., got ..."."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(f"agent config: {fault}" for fault in faults))
        self.faults = faults


class StreamingConfig(BaseModel):
    """chunk_timeout: longest silence of the provider, in ms. parallel_tools: False runs one call at a time.
    max_retries: of a request that got no first byte."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chunk_timeout: Milliseconds | None = None
    parallel_tools: bool = True
    max_retries: Annotated[int, Field(ge=0)] = 3


class _Given(BaseModel):
    """The keys of start_agent's mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    id: Annotated[str, Field(min_length=1)] = Field(default_factory=lambda: uuid4().hex)
    name: str = "agent"
    model: str | None = None
    system_prompt: str = ""
    tools: list[Any] = []
    api_preference: Api = Api.CHAT
    streaming_config: StreamingConfig = StreamingConfig()
    base_url: HttpAddress | None = None
    api_key: SecretStr | None = None
    model_options: dict[str, Any] = {}
    max_model_calls: Annotated[int, Field(gt=0)] = 25


class AgentConfig(Struct, frozen=True):
    """A checked configuration, with the application's defaults filled in.

    model_options: more keys of the request body (temperature, max_tokens ...), sent unchanged.
    """

    id: str
    name: str
    model: str
    system_prompt: str
    tools: Mapping[str, Tool]
    api: Api
    endpoint: Endpoint
    limits: Limits
    chunk_timeout_s: float
    max_retries: int
    model_options: dict[str, Any]

    def opening(self) -> Conversation:
        """The conversation before the first user message."""
        return (SystemMessage(self.system_prompt),) if self.system_prompt else ()


def agent_config(given: Mapping[str, Any], settings: Settings) -> AgentConfig:
    """Check an agent's configuration. Raises InvalidAgentConfig with every fault; nothing has been started."""
    faults: list[str] = []
    try:
        checked = _Given.model_validate(dict(given))
    except ValidationError as error:
        raise InvalidAgentConfig([_line(fault) for fault in error.errors()]) from None
    model = checked.model or settings.model
    if not model:
        faults.append("model: expected the name of a model, got none (here or in the settings)")
    tools: Mapping[str, Tool] = {}
    try:
        tools = _with_deadlines(resolve(checked.tools, settings.tools.bound()), settings.streaming.tool_timeout / 1000)
    except InvalidTool as error:
        faults += error.faults
    if faults or not model:
        raise InvalidAgentConfig(faults)
    return _filled(checked, model, tools, settings)


def _with_deadlines(tools: Mapping[str, Tool], default_s: float) -> Mapping[str, Tool]:
    return {
        name: tool if tool.timeout_s is not None else dataclasses.replace(tool, timeout_s=default_s)
        for name, tool in tools.items()
    }


def _filled(checked: _Given, model: str, tools: Mapping[str, Tool], settings: Settings) -> AgentConfig:
    streaming = checked.streaming_config
    parallel = settings.streaming.max_tool_calls if streaming.parallel_tools else 1
    key = checked.api_key or settings.api_key
    return AgentConfig(
        id=checked.id,
        name=checked.name,
        model=model,
        system_prompt=checked.system_prompt,
        tools=tools,
        api=checked.api_preference,
        endpoint=Endpoint(checked.base_url or settings.base_url, key.get_secret_value() if key else None),
        limits=Limits(parallel, checked.max_model_calls),
        chunk_timeout_s=(streaming.chunk_timeout or settings.streaming.timeout) / 1000,
        max_retries=streaming.max_retries,
        model_options=checked.model_options,
    )


def _line(fault: Any) -> str:
    """One fault of pydantic's as one line of ours, with what came; a secret's value is never shown."""
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = ", ".join(_Given.model_fields)
        return f"{where}: expected one of {known}"
    got = "a secret" if "api_key" in fault["loc"] else repr(fault["input"])[:80]
    return f"{where}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {got}"
