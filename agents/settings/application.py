"""The settings of the application. Durations are in the documented unit, ms. The file: config/sys.config.

The annotation of a field may have the effect of a reload; see applies.py.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.settings.agent import AgentSettings
from agents.settings.applies import Applies
from agents.settings.aws import AwsSettings, OneAuthorization
from agents.settings.budgets import BudgetSettings
from agents.settings.cluster import ClusterSettings
from agents.settings.gateway import GatewaySettings
from agents.settings.headers import NOT_GIVEN, Headers, Parameters
from agents.settings.hooks import HookSettings, OwnerOrAll
from agents.settings.kept_sessions import SessionSettings
from agents.settings.mcp import McpServer
from agents.settings.parts import PartSettings
from agents.settings.schedules import ScheduleSettings, SchedulingSettings
from agents.settings.secret import NO_SECRET, ApiKey
from agents.settings.sub_agents import SubAgentSettings
from agents.settings.telemetry import TelemetrySettings
from agents.settings.values import (
    Amount,
    Count,
    GarbageCollection,
    HttpAddress,
    LogFormat,
    Milliseconds,
    Name,
    Seconds,
    Wait,
)
from agents.settings.webhooks import WebhookSettings


class StreamingSettings(BaseModel):
    """Defaults for every agent. Source: API reference, "Stream Configuration".

    buffer_size: unread messages in a subscriber's mailbox; later events are joined. timeout: longest silence of a
    provider. connect_timeout: until the provider accepts the connection. first_byte_timeout: until its answer begins;
    None: as timeout. tool_timeout: deadline of a tool without its own. max_tool_calls: calls of a turn that run at the
    same time; the others wait. enable_compression: compress the gateway's answers. debug_streaming: log the kind of
    every event, at level info.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    buffer_size: Count = 4096
    timeout: Milliseconds = 30_000
    connect_timeout: Milliseconds = 10_000
    first_byte_timeout: Milliseconds | None = None
    tool_timeout: Milliseconds = 30_000
    max_tool_calls: Count = 64
    enable_compression: Annotated[bool, Applies.GATEWAY] = False
    debug_streaming: bool = False


class ToolSettings(BaseModel):
    """The settings of the built-in tools, and of the pool that runs `def` tools.

    workers: calls that run at the same time, each in an OS process; the others wait. min_workers: processes that each
    module of tools keeps ready while nothing happens, at most `workers`. worker_idle_time: after that time, further
    ready processes that no call has needed end. import_timeout: deadline of the import of a module of tools; the start
    of the first agent with such a tool waits for the import. file_ops_root: the only folder that file_ops reads and
    writes; None: `files` in the state directory. web_search_endpoint: a SearXNG-style JSON service; None: web_search
    reports that no service is set. answer_timeout: how long a question of ask_user waits for its answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: Annotated[int, Field(gt=0, le=256)] = 64
    min_workers: Annotated[int, Field(ge=0, le=256)] = 1
    worker_idle_time: Milliseconds = 10_000
    import_timeout: Milliseconds = 60_000
    file_ops_root: Annotated[Path | None, Applies.NEW_AGENTS] = None
    web_search_endpoint: Annotated[HttpAddress | None, Applies.NEW_AGENTS] = None
    answer_timeout: Annotated[Milliseconds, Applies.NEW_AGENTS] = 86_400_000


class ModelPrice(BaseModel):
    """The price of a million tokens, in any one currency. cached_input: for cached input tokens; None: as input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Amount
    output: Amount
    cached_input: Amount | None = None


class NamedProvider(OneAuthorization, BaseModel):
    """A provider with a name.

    model: for agents and fallbacks without a model. prices: by model; they take precedence over the general prices.
    base_url, api_key: None: those of Settings. headers, query: of the requests. api_version: of Azure. aws: of Amazon
    Bedrock. An own base_url or aws has only its own four. prompt_cache_key: None: that of Settings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: HttpAddress | None = None
    api_key: ApiKey = NO_SECRET
    headers: Headers = NOT_GIVEN
    query: Parameters = NOT_GIVEN
    api_version: Name | None = None
    aws: AwsSettings | None = None
    prompt_cache_key: bool | None = None
    model: Name | None = None
    prices: dict[str, ModelPrice] = {}


class ProviderSettings(BaseModel):
    """The settings of all providers, and the named providers. A provider is an address and a key.

    max_failures: the provider's own failures in a row (no connection, silence, 5xx); after these the provider is not
    asked for open_time, and then first with a single call. idle_time: how long unused connections are kept. max_count:
    providers in use at the same time. named: by name. order: names; an agent without its own choice asks the first one,
    and the others if that fails.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_failures: Count = 5
    open_time: Milliseconds = 30_000
    idle_time: Milliseconds = 300_000
    max_count: Count = 1000
    named: Annotated[dict[str, NamedProvider], Applies.NEW_AGENTS] = {}
    order: Annotated[tuple[Name, ...], Applies.NEW_AGENTS] = ()


class DaemonSettings(BaseModel):
    """The settings of the daemon.

    state_dir: the folder of the token, the sessions and the lock; None: $XDG_STATE_HOME/understudy. drain_time: how
    long a stopping daemon waits for running turns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state_dir: Path | None = None
    drain_time: Milliseconds = 30_000


class LogSettings(BaseModel):
    """The settings of the log. level: a level of the standard library, in lower case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: LogFormat = LogFormat.CONSOLE
    level: Literal["debug", "info", "warning", "error"] = "info"


class RestartLimits(BaseModel):
    """The restart limit of a supervisor: it ends instead of restarting more than intensity times within period.

    period: in seconds, as in OTP.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    intensity: Annotated[int, Field(ge=0)] = 1
    period: Seconds = 5.0


class AgentRestartLimits(RestartLimits):
    """The restart limit of each agent, and its pauses.

    backoff: before an agent's second restart within period. Each further pause is twice as long, up to max_backoff.
    """

    intensity: Annotated[int, Field(ge=0)] = 10
    period: Seconds = 60.0
    backoff: Wait = 100
    max_backoff: Milliseconds = 10_000


class SupervisionSettings(BaseModel):
    """The restart limits, by the names of the supervisors in application.tree. understudy: the root.

    mcp_supervisor: the limit of each server's process; a lost connection is not a restart.
    agent_supervisor: the limit of each agent. An agent that crashes more often is held until it is reset; others
    continue.
    nodes: the limit of all nodes of `serve --nodes` together. Their parent is the supervisor.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    understudy: RestartLimits = RestartLimits(intensity=3)
    llm_supervisor: RestartLimits = RestartLimits()
    mcp_supervisor: RestartLimits = RestartLimits()
    tool_supervisor: RestartLimits = RestartLimits()
    stream_supervisor: RestartLimits = RestartLimits()
    agent_supervisor: AgentRestartLimits = AgentRestartLimits()
    nodes: RestartLimits = RestartLimits(intensity=10, period=60.0)


DEFAULT_MODEL: Final = "gpt-4o"
"""The model of the documented examples."""


class Settings(OneAuthorization, BaseModel):
    """The settings of the application.

    model, base_url, api_key: for agents without their own. model: None refuses those agents. base_url, api_key: None
    means OPENAI_BASE_URL and OPENAI_API_KEY. headers, query: of the requests to base_url. api_version: of Azure.
    aws: of Amazon Bedrock. prompt_cache_key: send the session's id as the key of the provider's prompt cache. prices:
    by the name of the model. budgets: of what model calls may spend. mcp: by the name of the server. hooks: by the
    owner of agents, * for all. garbage_collection: as long as the application runs. agents: those that start with the
    daemon. schedules: messages to agents at due times; scheduling: their limits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[Name | None, Applies.NEW_AGENTS] = DEFAULT_MODEL
    base_url: Annotated[HttpAddress | None, Applies.NEW_AGENTS] = None
    api_key: Annotated[ApiKey, Applies.NEW_AGENTS] = NO_SECRET
    headers: Annotated[Headers, Applies.NEW_AGENTS] = NOT_GIVEN
    query: Annotated[Parameters, Applies.NEW_AGENTS] = NOT_GIVEN
    api_version: Annotated[Name | None, Applies.NEW_AGENTS] = None
    aws: Annotated[AwsSettings | None, Applies.NEW_AGENTS] = None
    prompt_cache_key: Annotated[bool, Applies.NEW_AGENTS] = True
    prices: Annotated[dict[str, ModelPrice], Applies.NEW_AGENTS] = {}
    budgets: Annotated[tuple[BudgetSettings, ...], Applies.NEW_AGENTS] = ()
    streaming: Annotated[StreamingSettings, Applies.NEW_AGENTS] = StreamingSettings()
    tools: ToolSettings = ToolSettings()
    parts: Annotated[PartSettings, Applies.NEW_AGENTS] = PartSettings()
    providers: Annotated[ProviderSettings, Applies.PROVIDERS] = ProviderSettings()
    mcp: Annotated[dict[str, McpServer], Applies.NEW_AGENTS] = {}
    sub_agents: Annotated[SubAgentSettings, Applies.NEW_AGENTS] = SubAgentSettings()
    hooks: Annotated[dict[OwnerOrAll, HookSettings], Applies.NEW_AGENTS] = {}
    supervision: Annotated[SupervisionSettings, Applies.SUPERVISORS] = SupervisionSettings()
    garbage_collection: GarbageCollection = GarbageCollection.SLICED
    agents: tuple[AgentSettings, ...] = ()
    schedules: Annotated[tuple[ScheduleSettings, ...], Applies.SCHEDULES] = ()
    scheduling: Annotated[SchedulingSettings, Applies.SCHEDULES] = SchedulingSettings()
    sessions: SessionSettings = SessionSettings()
    cluster: ClusterSettings = ClusterSettings()
    gateway: GatewaySettings = GatewaySettings()
    daemon: DaemonSettings = DaemonSettings()
    logging: Annotated[LogSettings, Applies.LOGGING] = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    webhooks: Annotated[tuple[WebhookSettings, ...], Applies.WEBHOOKS] = ()
