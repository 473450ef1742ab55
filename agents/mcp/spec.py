"""A server by its name and its settings, and how a list of tools names it: ("mcp", "files")."""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, Final, TypeGuard

import msgspec
from msgspec import Struct
from pydantic import SecretStr, ValidationError

from agents.core.faults import Fault
from agents.core.nearest import suggestion
from agents.settings import McpServer
from agents.settings.faults import of_pydantic
from agents.tools.errors import InvalidTool

MCP: Final = "mcp"
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
NAME_WORDS: Final = "a server's name: 1 to 32 of A-Z a-z 0-9 _ -"
ALL: Final = "*"


class ServerSpec(Struct, frozen=True):
    """A server. Agents whose specs are equal share one connection.

    name: prefixes a tool whose name another tool of the agent has.
    """

    name: str
    server: McpServer

    def __repr__(self) -> str:
        return f"ServerSpec({self.name!r})"

    @property
    def process_name(self) -> str:
        """Return the name of the server's process: a keyed hash, which reveals nothing, tells equal names apart."""
        held = self.server.model_dump_json().encode() + msgspec.json.encode([*_secrets(self.server)])
        return f"mcp:{self.name}#{blake2b(held, key=_SALT, digest_size=8).hexdigest()}"

    @property
    def start_s(self) -> float:
        return self.server.start_timeout / 1000

    def asks(self, tool: str) -> bool:
        """Return whether calls of the tool need an approval. tool: its name, as the server lists it."""
        return not {ALL, tool}.isdisjoint(self.server.requires_approval)


def server(name: str, **settings: Any) -> ServerSpec:
    """Return a server for a list of tools. settings: the keys of McpServer. Raises InvalidTool.

    An agent with such a server can't be restored from its session by another program: a server of the settings can.
    """
    try:
        made = ServerSpec(name, McpServer(**settings))
    except ValidationError as error:
        faults = (of_pydantic(each) for each in error.errors(include_input=False))
        raise InvalidTool(*(fault.within(f"mcp.server {name!r}") for fault in faults)) from None
    if not NAME.fullmatch(name):
        raise InvalidTool(Fault((), NAME_WORDS, repr(name), inside="mcp.server"))
    return made


def tokens_in(name: str) -> str:
    """Return the place of a server's tokens, within the folder of a daemon or of this user."""
    return f"mcp/{name}.json"


def names_server(tool: Any) -> TypeGuard[ServerSpec | tuple[str, str] | list[str]]:
    """Return whether an entry of a list of tools names a server."""
    if isinstance(tool, ServerSpec):
        return True
    return isinstance(tool, tuple | list) and len(tool) == 2 and tool[0] == MCP and isinstance(tool[1], str)


def servers_of(tools: Iterable[Any], known: Mapping[str, McpServer]) -> tuple[ServerSpec, ...]:
    """Return the servers of a list of tools, in its order. known: those of the settings. Raises InvalidTool."""
    found: dict[str, ServerSpec] = {}
    faults: list[Fault] = []
    for position, tool in enumerate(tools):
        if not names_server(tool):
            continue
        name = tool.name if isinstance(tool, ServerSpec) else tool[1]
        if name in found:
            faults.append(Fault(("tools", position), "every server once", f"{name!r} again"))
        elif isinstance(tool, ServerSpec):
            found[name] = tool
        elif not NAME.fullmatch(name):
            faults.append(Fault(("tools", position), NAME_WORDS, repr(name)))
        elif name in known:
            found[name] = ServerSpec(name, known[name])
        else:
            expected = f"a server of mcp ({', '.join(known) or 'none'})"
            faults.append(Fault(("tools", position), expected, f"{name!r}{suggestion(name, known)}"))
    if faults:
        raise InvalidTool(*faults)
    return tuple(found.values())


def _secrets(settings: McpServer) -> Iterator[str]:
    oauth = None if settings.oauth is None else settings.oauth.client_secret
    held = (settings.token, oauth, *settings.secret_env.values(), *settings.headers.values())
    yield from (each.get_secret_value() for each in held if isinstance(each, SecretStr))


_SALT: Final = token_bytes(16)
