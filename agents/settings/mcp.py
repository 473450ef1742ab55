"""The settings of an MCP server: how it is reached, and the policy of calls of its tools. Durations are in ms."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from agents.core.faults import Fault, InvalidValue
from agents.settings.secret import NO_SECRET, OptionalSecret
from agents.settings.values import HttpAddress, Milliseconds, Name

MAX_OUTPUT: Final = 1024 * 1024


class McpServer(BaseModel):
    """An MCP server: a command that is run, which speaks on stdin and stdout, or the address of a running one.

    command: the program and its arguments. cwd: its working folder; None: this program's. env: its variables, besides
    the few that every tool gets. secret_env: the same, with secrets.

    url: of streamable HTTP. token: sent as `Authorization: Bearer`. headers: of each request.

    start_timeout: until the server has listed its tools. tool_timeout: deadline of a call; None: that of
    StreamingSettings. max_output_bytes: limit of a result. requires_approval: names of tools, as the server lists them,
    whose calls run only after an approval; "*": all. approval_timeout: then a call without an answer is denied.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: tuple[Name, ...] = ()
    cwd: Path | None = None
    env: dict[str, str] = {}
    secret_env: dict[str, SecretStr] = {}
    url: HttpAddress | None = None
    token: OptionalSecret = NO_SECRET
    headers: dict[str, SecretStr] = {}
    start_timeout: Milliseconds = 30_000
    tool_timeout: Milliseconds | None = None
    max_output_bytes: Annotated[int, Field(ge=1, le=MAX_OUTPUT)] = MAX_OUTPUT
    requires_approval: tuple[Name, ...] = ()
    approval_timeout: Milliseconds = 300_000

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if bool(self.command) == (self.url is not None):
            raise InvalidValue(Fault((), "a command or a url", "both" if self.command else "neither"))
        for key in ("token", "headers") if self.command else ("cwd", "env", "secret_env"):
            if getattr(self, key):
                raise InvalidValue(Fault((key,), f"none with a {'command' if self.command else 'url'}", "one"))
        return self
