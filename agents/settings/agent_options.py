"""The keys of AgentSettings and of its sections as keywords of start_agent, for type checkers and editors.

A key has the type of a value that a program gives: where the settings hold a SecretStr, a program may give a str. The
settings check the values at run time.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypedDict

from agents.core.budget import OnBreach, Per
from agents.core.context import ContextStrategy
from agents.core.outcome import OnUnknown
from agents.core.waiting import OnTimeout
from agents.llm.endpoint import Api
from agents.settings.agent import WhenBusy
from agents.settings.headers import GivenPairs
from agents.settings.hooks import OnFailure
from agents.settings.parts import PartKind
from agents.settings.secret import GivenApiKey

__all__ = [
    "AgentOptions",
    "AgentToolOptions",
    "AwsOptions",
    "BudgetOptions",
    "ContextOptions",
    "FallbackOptions",
    "HookOptions",
    "LargeResultOptions",
    "LimitsOptions",
    "LoopsOptions",
    "StreamingOptions",
]

ApiName: TypeAlias = Literal["chat", "responses"]
OnFailureName: TypeAlias = Literal["deny", "run"]
PartKindName: TypeAlias = Literal["image", "audio", "file"]
PartKinds: TypeAlias = list[PartKind | PartKindName] | tuple[PartKind | PartKindName, ...]
OnBreachName: TypeAlias = Literal["ask", "fail"]
PerName: TypeAlias = Literal["total", "day", "month"]
OnUnknownName: TypeAlias = Literal["tell", "ask", "run"]
StrategyName: TypeAlias = Literal["trim", "summarise", "fail"]
WhenBusyName: TypeAlias = Literal["queue", "reject", "interrupt", "steer"]


class StreamingOptions(TypedDict, total=False):
    """The keys of StreamingConfig. chunk_timeout: in ms."""

    chunk_timeout: int | None
    parallel_tools: bool
    max_retries: int
    retry_after_output: bool


class LimitsOptions(TypedDict, total=False):
    """The keys of LimitsConfig. time: in ms."""

    model_calls: int
    tool_calls: int | None
    tokens: int | None
    cost: float | None
    time: int | None


class LoopsOptions(TypedDict, total=False):
    """The keys of LoopsConfig."""

    tell: int | None
    ask: int | None
    stop: int | None
    exempt: list[str] | tuple[str, ...]


class ContextOptions(TypedDict, total=False):
    """The keys of ContextConfig."""

    max_tokens: int | None
    reserve: int | None
    strategy: ContextStrategy | StrategyName
    keep_turns: int
    model: str | None


class HookOptions(TypedDict, total=False):
    """The keys of HookSettings. timeout: in ms."""

    before_model: list[Any] | tuple[Any, ...]
    after_model: list[Any] | tuple[Any, ...]
    before_tool: list[Any] | tuple[Any, ...]
    after_tool: list[Any] | tuple[Any, ...]
    hold_answer: bool
    timeout: int
    on_failure: OnFailure | OnFailureName


class BudgetOptions(TypedDict, total=False):
    """The keys of BudgetSettings."""

    owner: str | None
    agent: str | None
    session: str | None
    turn: Literal["*"] | None
    cost: float | None
    tokens: int | None
    per: Per | PerName
    on_breach: OnBreach | OnBreachName
    wait: int


class LargeResultOptions(TypedDict, total=False):
    """The keys of LargeResultSettings."""

    inline_bytes: int
    shown_bytes: int
    max_bytes: int


class AwsOptions(TypedDict, total=False):
    """The keys of AwsSettings."""

    region: str | None
    profile: str | None


class FallbackOptions(TypedDict, total=False):
    """The keys of Fallback."""

    provider: str | None
    model: str | None
    api_preference: Api | ApiName | None
    base_url: str | None
    api_key: GivenApiKey
    headers: GivenPairs
    query: GivenPairs
    api_version: str | None
    aws: AwsOptions | None
    model_options: dict[str, Any] | None
    reasoning_effort: str | None
    accepts: PartKinds | None


class AgentToolOptions(TypedDict, total=False):
    """The options of an agent as a tool, each as for `tool`."""

    timeout_s: float | None
    parallel: bool
    requires_approval: bool | Callable[..., bool]
    approval_timeout_s: float
    on_approval_timeout: OnTimeout
    fallback: Any
    max_output_bytes: int


class AgentOptions(TypedDict, total=False):
    """The keys of AgentSettings, which describes each.

    tools: names of built-in tools, "module:function", Tools, annotated functions, or MCP servers: ("mcp", "files"). A
    type checker takes any item, since mypy sees a list of tools with different signatures as list[object].
    answer_type: a pydantic model, a dataclass, a TypedDict, or a JSON schema of an object.
    """

    id: str
    name: str
    model: str | None
    system_prompt: str
    description: str
    handoffs: list[Any] | tuple[Any, ...]
    tools: list[Any] | tuple[Any, ...]
    api_preference: Api | ApiName
    stream: bool
    streaming_config: StreamingOptions
    provider: str | None
    base_url: str | None
    api_key: GivenApiKey
    headers: GivenPairs
    query: GivenPairs
    api_version: str | None
    aws: AwsOptions | None
    model_options: dict[str, Any]
    reasoning_effort: str | None
    fallbacks: list[FallbackOptions] | tuple[FallbackOptions, ...] | None
    limits: LimitsOptions
    context: ContextOptions
    loops: LoopsOptions
    when_busy: WhenBusy | WhenBusyName
    max_queue: int
    max_steering: int
    answer_type: Any
    answer_retries: int
    owner: str | None
    accepts: PartKinds | None
    hooks: HookOptions | None
    budget: list[BudgetOptions] | tuple[BudgetOptions, ...]
    large_results: LargeResultOptions | None
    account: str | None
    on_unknown: OnUnknown | OnUnknownName
