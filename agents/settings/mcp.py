"""The settings of an MCP server: how it is reached, and the policy of calls of its tools. Durations are in ms."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from agents.core.faults import Fault, InvalidValue
from agents.core.waiting import OnTimeout
from agents.settings.secret import NO_SECRET, OptionalSecret
from agents.settings.values import HttpAddress, Milliseconds, Name

MAX_OUTPUT: Final = 1024 * 1024


class Grant(StrEnum):
    """The way to a token. AUTHORIZATION_CODE: a person logs in. CLIENT_CREDENTIALS: this program has a secret."""

    AUTHORIZATION_CODE = "authorization_code"
    CLIENT_CREDENTIALS = "client_credentials"


class McpOAuth(BaseModel):
    """The way to the tokens of an MCP server that uses OAuth.

    grant: authorization_code: a person logs in once, by `understudy mcp login`. client_id, client_secret: of a client
    that the authorization server knows; None: the login registers one. issuer: of the authorization server; the secret
    of client_credentials goes to no other. scope: that the tokens should have, by spaces; None: what the server names.
    tokens: the file of a login's tokens; None: mcp/NAME.json in the daemon's state_dir.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    grant: Grant = Grant.AUTHORIZATION_CODE
    client_id: Name | None = None
    client_secret: OptionalSecret = NO_SECRET
    issuer: HttpAddress | None = None
    scope: Name | None = None
    tokens: Path | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        missing = [key for key in ("client_id", "client_secret", "issuer") if getattr(self, key) is None]
        if self.grant is Grant.CLIENT_CREDENTIALS and missing:
            raise InvalidValue(Fault((missing[0],), f"a value with the grant {self.grant}", "none"))
        if self.client_id is None and self.client_secret is not None:
            raise InvalidValue(Fault(("client_id",), "a value with a client_secret", "none"))
        return self


class McpServer(BaseModel):
    """An MCP server: a command that is run, which speaks on stdin and stdout, or the address of a running one.

    command: the program and its arguments. cwd: its working folder; None: this program's. env: its variables, besides
    the few that every tool gets. secret_env: the same, with secrets.

    url: of streamable HTTP. token: sent as `Authorization: Bearer`. oauth: the way to a token that expires. headers: of
    each request.

    start_timeout: until the server has listed its tools. tool_timeout: deadline of a call; None: that of
    StreamingSettings. max_output_bytes: limit of a result. requires_approval: names of tools, as the server lists them,
    whose calls run only after an approval; "*": all. approval_timeout: the time for an answer. on_approval_timeout:
    the decision on a call without an answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: tuple[Name, ...] = ()
    cwd: Path | None = None
    env: dict[str, str] = {}
    secret_env: dict[str, SecretStr] = {}
    url: HttpAddress | None = None
    token: OptionalSecret = NO_SECRET
    oauth: McpOAuth | None = None
    headers: dict[str, SecretStr] = {}
    start_timeout: Milliseconds = 30_000
    tool_timeout: Milliseconds | None = None
    max_output_bytes: Annotated[int, Field(ge=1, le=MAX_OUTPUT)] = MAX_OUTPUT
    requires_approval: tuple[Name, ...] = ()
    approval_timeout: Milliseconds = 300_000
    on_approval_timeout: OnTimeout = "deny"

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if bool(self.command) == (self.url is not None):
            raise InvalidValue(Fault((), "a command or a url", "both" if self.command else "neither"))
        if self.token is not None and self.oauth is not None:
            raise InvalidValue(Fault(("token",), "none with oauth", "one"))
        for key in ("token", "oauth", "headers") if self.command else ("cwd", "env", "secret_env"):
            if getattr(self, key):
                raise InvalidValue(Fault((key,), f"none with a {'command' if self.command else 'url'}", "one"))
        return self
