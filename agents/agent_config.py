"""What an agent is told at its start, checked in one go. Source: API reference, "Per-Agent Configuration"."""

import dataclasses
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from agents.answer import AnswerType, InvalidAnswerType
from agents.core.conversation import Conversation, SystemMessage
from agents.core.limits import Limits
from agents.core.policy import Candidate, TurnPolicy
from agents.core.retry import RetryPolicy
from agents.llm.endpoint import Api, Endpoint
from agents.model_call import Deadlines, Route
from agents.settings import HttpAddress, Milliseconds, Settings
from agents.tools.errors import InvalidTool
from agents.tools.registry import resolve
from agents.tools.tool import Tool

Count = Annotated[int, Field(gt=0)]


class WhenBusy(StrEnum):
    """What becomes of a message that comes while a turn runs: it waits, is refused, ends the turn, or joins it."""

    QUEUE = "queue"
    REJECT = "reject"
    INTERRUPT = "interrupt"
    STEER = "steer"


class InvalidAgentConfig(ValueError):
    """faults: one line each, "key: expected ..., got ..."."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(f"agent config: {fault}" for fault in faults))
        self.faults = faults


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class StreamingConfig(_Checked):
    """chunk_timeout: longest silence of the provider, in ms. parallel_tools: False runs one call at a time.
    max_retries: of a model call, on each of the agent's models. retry_after_output: also of one that broke when some of
    its answer had been published; that is announced by stream_reset."""

    chunk_timeout: Milliseconds | None = None
    parallel_tools: bool = True
    max_retries: Annotated[int, Field(ge=0)] = 3
    retry_after_output: bool = False


class LimitsConfig(_Checked):
    """Of one turn; see core/limits.py. time: in ms, tools and approvals included."""

    model_calls: Count = 25
    tool_calls: Count | None = None
    tokens: Count | None = None
    cost: Annotated[float, Field(gt=0)] | None = None
    time: Milliseconds | None = 600_000


class Fallback(_Checked):
    """Another model, or the same elsewhere: what is not given is as of the agent."""

    model: str | None = None
    api_preference: Api | None = None
    base_url: HttpAddress | None = None
    api_key: SecretStr | None = None
    model_options: dict[str, Any] | None = None


class _Given(_Checked):
    """The keys of start_agent's mapping."""

    id: Annotated[str, Field(min_length=1)] = Field(default_factory=lambda: uuid4().hex)
    name: str = "agent"
    model: str | None = None
    system_prompt: str = ""
    tools: list[Any] = []
    api_preference: Api = Api.CHAT
    stream: bool = True
    streaming_config: StreamingConfig = StreamingConfig()
    base_url: HttpAddress | None = None
    api_key: SecretStr | None = None
    model_options: dict[str, Any] = {}
    fallbacks: list[Fallback] = []
    limits: LimitsConfig = LimitsConfig()
    when_busy: WhenBusy = WhenBusy.QUEUE
    max_queue: Annotated[int, Field(ge=0)] = 100
    answer_type: Any = None
    answer_retries: Annotated[int, Field(ge=0)] = 2


class AgentConfig(Struct, frozen=True):
    """A checked configuration, with the application's defaults filled in.

    routes: the models to ask, in order. when_busy, max_queue: of messages that come while a turn runs.
    answer: what the final answer must be, if anything.
    """

    id: str
    name: str
    system_prompt: str
    tools: Mapping[str, Tool]
    routes: tuple[Route, ...]
    policy: TurnPolicy
    deadlines: Deadlines
    stream: bool
    when_busy: WhenBusy
    max_queue: int
    answer: AnswerType | None

    @property
    def api(self) -> Api:
        return self.routes[0].api

    def over(self, api: Api) -> "AgentConfig":
        """The same agent, asking its first model by this API."""
        first, *others = self.routes
        return replace(self, routes=(replace(first, api=api), *others))

    def asked_by(self, route: int) -> Route:
        """The route with this number, its request asking for the answer type, too."""
        chosen = self.routes[route]
        if self.answer is None:
            return chosen
        return replace(chosen, options={**self.answer.asked_for(chosen.api), **chosen.options})

    def shown_tools(self) -> list[dict[str, Any]]:
        """What a model is shown of the tools."""
        return [
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in self.tools.values()
        ]

    def opening(self) -> Conversation:
        """The conversation before the first user message."""
        return (SystemMessage(self.system_prompt),) if self.system_prompt else ()


def agent_config(given: Mapping[str, Any], settings: Settings) -> AgentConfig:
    """Check an agent's configuration. Raises InvalidAgentConfig with every fault; nothing has been started."""
    try:
        checked = _Given.model_validate(dict(given))
    except ValidationError as error:
        raise InvalidAgentConfig([_line(fault) for fault in error.errors()]) from None
    faults: list[str] = []
    tools: Mapping[str, Tool] = {}
    answer: AnswerType | None = None
    try:
        tools = _with_deadlines(resolve(checked.tools, settings.tools.bound()), settings.streaming.tool_timeout / 1000)
    except InvalidTool as error:
        faults += error.faults
    try:
        answer = None if checked.answer_type is None else AnswerType.of(checked.answer_type)
    except InvalidAnswerType as invalid:
        faults.append(f"answer_type: {invalid}")
    faults += _model_faults(checked, settings)
    if faults:
        raise InvalidAgentConfig(faults)
    routes = tuple(_routes(checked, settings))
    return AgentConfig(
        id=checked.id,
        name=checked.name,
        system_prompt=checked.system_prompt,
        tools=tools,
        routes=routes,
        policy=_policy(checked, tools, routes, settings),
        deadlines=_deadlines(checked, settings),
        stream=checked.stream,
        when_busy=checked.when_busy,
        max_queue=checked.max_queue,
        answer=answer,
    )


def _model_faults(checked: _Given, settings: Settings) -> Iterator[str]:
    if not (checked.model or settings.model):
        yield "model: expected the name of a model, got none (here or in the settings)"
    elif checked.limits.cost is not None:
        for model in _models(checked, settings):
            if model not in settings.prices:
                yield f"limits.cost: expected a price of {model!r} in the settings, got none"


def _models(checked: _Given, settings: Settings) -> tuple[str, ...]:
    """In the order in which they are tried."""
    first = checked.model or settings.model or ""
    return (first, *(each.model or first for each in checked.fallbacks))


def _with_deadlines(tools: Mapping[str, Tool], default_s: float) -> Mapping[str, Tool]:
    return {
        name: tool if tool.timeout_s is not None else dataclasses.replace(tool, timeout_s=default_s)
        for name, tool in tools.items()
    }


def _routes(checked: _Given, settings: Settings) -> Iterator[Route]:
    own = Fallback(api_preference=checked.api_preference, model_options=checked.model_options)
    for model, each in zip(_models(checked, settings), (own, *checked.fallbacks), strict=True):
        key = each.api_key or checked.api_key or settings.api_key
        base_url = each.base_url or checked.base_url or settings.base_url
        yield Route(
            Endpoint(base_url, key.get_secret_value() if key else None),
            model,
            each.api_preference or checked.api_preference,
            checked.model_options if each.model_options is None else each.model_options,
        )


def _candidate(route: Route, settings: Settings) -> Candidate:
    price = settings.prices.get(route.model)
    return Candidate(None if price is None else price.of_model(), f"{route.model} at {route.endpoint.address}")


def _policy(checked: _Given, tools: Mapping[str, Tool], routes: tuple[Route, ...], settings: Settings) -> TurnPolicy:
    streaming, limits = checked.streaming_config, checked.limits
    return TurnPolicy(
        limits=Limits(
            model_calls=limits.model_calls,
            tool_calls=limits.tool_calls,
            parallel_tools=settings.streaming.max_tool_calls if streaming.parallel_tools else 1,
            tokens=limits.tokens,
            cost=limits.cost,
            time_s=None if limits.time is None else limits.time / 1000,
        ),
        retries=RetryPolicy(max_retries=streaming.max_retries, after_output=streaming.retry_after_output),
        models=tuple(_candidate(route, settings) for route in routes),
        barriers=frozenset(name for name, tool in tools.items() if not tool.parallel),
        eager=frozenset(name for name, tool in tools.items() if tool.eager),
        answer_retries=None if checked.answer_type is None else checked.answer_retries,
    )


def _deadlines(checked: _Given, settings: Settings) -> Deadlines:
    streaming = settings.streaming
    idle = checked.streaming_config.chunk_timeout or streaming.timeout
    first_byte = checked.streaming_config.chunk_timeout or streaming.first_byte_timeout or streaming.timeout
    return Deadlines(connect_s=streaming.connect_timeout / 1000, first_byte_s=first_byte / 1000, idle_s=idle / 1000)


def _line(fault: Any) -> str:
    """One fault of pydantic's as one line of ours, with what came; a secret's value is never shown."""
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = ", ".join(_keys(fault["loc"][:-1]))
        return f"{where}: expected one of {known}"
    got = "a secret" if "api_key" in fault["loc"] else repr(fault["input"])[:80]
    return f"{where}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {got}"


SECTIONS: dict[str, type[BaseModel]] = {
    "streaming_config": StreamingConfig,
    "limits": LimitsConfig,
    "fallbacks": Fallback,
}


def _keys(section: tuple[Any, ...]) -> Iterator[str]:
    """What may stand there."""
    return iter((SECTIONS[section[0]] if section else _Given).model_fields)
