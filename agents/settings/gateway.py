"""The settings of the HTTP gateway."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agents.settings.applies import Applies
from agents.settings.clients import ClientLimits
from agents.settings.tokens import TokenSettings
from agents.settings.values import AgentId, Bytes, Count, Milliseconds


class GatewaySettings(BaseModel):
    """The settings of the HTTP gateway.

    host, port: the address to listen on. allow_remote: permit a host other than loopback. token_file: the file with the
    administrator's token; None: `token` in the daemon's state_dir. tokens: those of users. allowed_hosts: host names
    that requests may have besides loopback's. allowed_origins: pages that may send requests and read answers.
    tls_certificate, tls_key: files. heartbeat: pause between two comments on a silent stream. write_timeout: how long a
    client may read nothing. max_body_bytes, max_message_bytes: of a request, of a WebSocket message. max_connections:
    at the same time. default_agent: the agent of messages that name none; the sessions that messages begin have its
    configuration. clients: the limits of users without the scope `admin`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    allow_remote: bool = False
    token_file: Path | None = None
    tokens: Annotated[tuple[TokenSettings, ...], Applies.GATEWAY] = ()
    allowed_hosts: Annotated[tuple[str, ...], Applies.GATEWAY] = ()
    allowed_origins: Annotated[tuple[str, ...], Applies.GATEWAY] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    heartbeat: Annotated[Milliseconds, Applies.GATEWAY] = 10_000
    write_timeout: Annotated[Milliseconds, Applies.GATEWAY] = 10_000
    max_body_bytes: Annotated[Bytes, Applies.GATEWAY] = 1024 * 1024
    max_message_bytes: Annotated[Bytes, Applies.GATEWAY] = 256 * 1024
    max_connections: Annotated[Count, Applies.GATEWAY] = 2000
    default_agent: Annotated[AgentId | None, Applies.GATEWAY] = None
    clients: Annotated[ClientLimits, Applies.GATEWAY] = ClientLimits()
