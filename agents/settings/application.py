"""What the application can be told. Durations in the documented unit, ms. The file: config/sys.config."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from agents.settings.agent import AgentSettings
from agents.settings.clients import ClientLimits
from agents.settings.tokens import TokenSettings
from agents.settings.values import (
    Amount,
    Bytes,
    Count,
    DatabaseAddress,
    HttpAddress,
    Milliseconds,
    Name,
    Seconds,
    Wait,
)


class StreamingSettings(BaseModel):
    """Defaults for every agent. Source: API reference, "Stream Configuration".

    buffer_size: messages that may wait unread in a subscriber's mailbox; from then on it gets the rest joined. timeout:
    longest silence of a provider. connect_timeout: until it takes the connection. first_byte_timeout: until its answer
    begins; None: as timeout. tool_timeout: deadline of a tool that has none of its own. max_tool_calls: calls of a
    turn that run at once; the rest wait. enable_compression: of the gateway's answers. debug_streaming: log the kind of
    every event, at level debug.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    buffer_size: Count = 4096
    timeout: Milliseconds = 30_000
    connect_timeout: Milliseconds = 10_000
    first_byte_timeout: Milliseconds | None = None
    tool_timeout: Milliseconds = 30_000
    max_tool_calls: Count = 10
    enable_compression: bool = False
    debug_streaming: bool = False


class ToolSettings(BaseModel):
    """Of the built-in tools, and of the pool that `def` tools run in.

    workers: OS processes that run tools at once. import_timeout: deadline of the import of a module of tools, which the
    first agent that has one of them waits for, and no call. file_ops_root: the only folder that file_ops sees; None:
    `files` in the state folder. web_search_endpoint: a SearXNG-style JSON endpoint; without it web_search answers that
    there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: Annotated[int, Field(gt=0, le=256)] = 4
    import_timeout: Milliseconds = 60_000
    file_ops_root: Path | None = None
    web_search_endpoint: HttpAddress | None = None


class ModelPrice(BaseModel):
    """Of a million tokens, in any one currency. cached_input: of input tokens that the provider had cached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Amount
    output: Amount
    cached_input: Amount | None = None


class NamedProvider(BaseModel):
    """A provider that agents name. model: of agents and fallbacks that name none. prices: by model, before the general.

    base_url, api_key: as of Settings where they are not given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: HttpAddress | None = None
    api_key: SecretStr | None = None
    model: Name | None = None
    prices: dict[str, ModelPrice] = {}


class ProviderSettings(BaseModel):
    """Of every provider, that is of every pair of an address and a key; and those that have a name.

    max_failures: in a row, of the provider's own (no connection, silence, 5xx); then it is left alone for open_time,
    and asked again with a single call first. idle_time: how long its connections are kept when nobody asks it.
    max_count: of providers in use at a time. named: by their names. order: names; agents ask the first one and fall
    back on the others, unless they say whom.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_failures: Count = 5
    open_time: Milliseconds = 30_000
    idle_time: Milliseconds = 300_000
    max_count: Count = 1000
    named: dict[str, NamedProvider] = {}
    order: tuple[Name, ...] = ()


class Durability(StrEnum):
    """Of a session's events: visible only when on disk; at most a little before; not kept."""

    SYNC = "sync"
    BATCHED = "batched"
    OFF = "off"


class OnRestart(StrEnum):
    """What becomes of a turn that a crash cut: it goes on from its last durable step, or ends as interrupted."""

    RESUME = "resume"
    INTERRUPT = "interrupt"


class SessionSettings(BaseModel):
    """Of what is kept of agents. url: a database, as SQLAlchemy spells it; None: sessions.db in the daemon's state_dir.

    durability: of events. batch_time, batch_events: how far, at most, what is visible may be ahead of what is on disk,
    where that is `batched`. on_restart: of turns that a crash cut. max_recoveries: how often a turn is resumed that
    gets no further each time; then it is parked. store_timeout: for each connection to PostgreSQL, each read and each
    write. store_grace: how long writes wait for a store that fails before turns end for it; None: 30 s for PostgreSQL,
    0 for SQLite. idle_time: after which an agent's process ends, to come back with its next message; None: never.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: DatabaseAddress | None = Field(default=None, repr=False)
    durability: Durability = Durability.OFF
    batch_time: Milliseconds = 20
    batch_events: Count = 64
    on_restart: OnRestart = OnRestart.RESUME
    max_recoveries: Annotated[int, Field(ge=0)] = 3
    store_timeout: Milliseconds = 5000
    store_grace: Wait | None = None
    idle_time: Milliseconds | None = None


class GatewaySettings(BaseModel):
    """Of the HTTP gateway. host, port: where it listens. allow_remote: may that be an address that is not loopback.

    token_file: holds the token that may do everything; None: `token` in the daemon's state_dir. tokens: of users.
    allowed_hosts, allowed_origins: names beside loopback's, and pages, that requests may come for and from.
    tls_certificate, tls_key: files. heartbeat: pause between two signs of life on a silent stream. write_timeout: how
    long a client may take nothing. max_body_bytes, max_message_bytes: of a request, of a WebSocket message.
    max_connections: at a time. clients: what those without the scope `admin` may have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    allow_remote: bool = False
    token_file: Path | None = None
    tokens: tuple[TokenSettings, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    heartbeat: Milliseconds = 10_000
    write_timeout: Milliseconds = 10_000
    max_body_bytes: Bytes = 1024 * 1024
    max_message_bytes: Bytes = 256 * 1024
    max_connections: Count = 2000
    clients: ClientLimits = ClientLimits()


class DaemonSettings(BaseModel):
    """state_dir: of the token, the sessions, the lock; None: $XDG_STATE_HOME/understudy. drain_time: what running turns
    get to end in when the daemon is told to stop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state_dir: Path | None = None
    drain_time: Milliseconds = 30_000


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class LogSettings(BaseModel):
    """level: of the standard library's names, in lower case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: LogFormat = LogFormat.CONSOLE
    level: Literal["debug", "info", "warning", "error"] = "info"


class RestartLimits(BaseModel):
    """Of a supervisor: it gives up, and ends, when it would restart more than intensity times within period.

    period: in seconds, which is what it is in OTP.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    intensity: Annotated[int, Field(ge=0)] = 1
    period: Seconds = 5.0


class SupervisionSettings(BaseModel):
    """By the names of the supervisors in application.tree. understudy: the root.

    agent_supervisor: limits each agent. An agent that crashes more often is not restarted, and the others go on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    understudy: RestartLimits = RestartLimits(intensity=3)
    llm_supervisor: RestartLimits = RestartLimits()
    tool_supervisor: RestartLimits = RestartLimits()
    stream_supervisor: RestartLimits = RestartLimits()
    agent_supervisor: RestartLimits = RestartLimits(intensity=10, period=60.0)


DEFAULT_MODEL: Final = "gpt-4o"
"""The model of the documented examples."""


class Settings(BaseModel):
    """model, base_url, api_key: of agents without their own.

    model: None refuses those agents. base_url, api_key: None stands for OPENAI_BASE_URL and OPENAI_API_KEY. prices: by
    the name of the model. agents: those that start with the daemon.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Name | None = DEFAULT_MODEL
    base_url: HttpAddress | None = None
    api_key: SecretStr | None = None
    prices: dict[str, ModelPrice] = {}
    streaming: StreamingSettings = StreamingSettings()
    tools: ToolSettings = ToolSettings()
    providers: ProviderSettings = ProviderSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    agents: tuple[AgentSettings, ...] = ()
    sessions: SessionSettings = SessionSettings()
    gateway: GatewaySettings = GatewaySettings()
    daemon: DaemonSettings = DaemonSettings()
    logging: LogSettings = LogSettings()
