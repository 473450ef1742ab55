"""The settings of a daemon: those of the configuration, with one other default."""

from pathlib import Path
from typing import Final

from agents.configuration import Loaded
from agents.mcp.spec import tokens_in
from agents.settings import Durability, McpServer, Settings

DURABILITY: Final = ("sessions", "durability")


def daemon_settings(loaded: Loaded) -> Settings:
    """Return the settings with `batched` durability, unless the configuration sets a durability.

    A daemon keeps its sessions by default: it exists to survive failures. Its MCP tokens are in its own folder.
    """
    settings = _with_token_files(loaded.settings)
    if DURABILITY in loaded.marks:
        return settings
    sessions = settings.sessions.model_copy(update={"durability": Durability.BATCHED})
    return settings.model_copy(update={"sessions": sessions})


def _with_token_files(settings: Settings) -> Settings:
    """Return the settings with the file of tokens of each MCP server that needs a login, within the state_dir."""
    folder = settings.daemon.state_dir
    if folder is None or not settings.mcp:
        return settings
    servers = {name: _with_token_file(server, folder / tokens_in(name)) for name, server in settings.mcp.items()}
    return settings.model_copy(update={"mcp": servers})


def _with_token_file(server: McpServer, path: Path) -> McpServer:
    if server.oauth is None or server.oauth.tokens is not None:
        return server
    return server.model_copy(update={"oauth": server.oauth.model_copy(update={"tokens": path})})


def node_name(settings: Settings) -> str | None:
    """Return the name of this node for the log, or None outside a cluster."""
    return settings.cluster.name if settings.cluster.enabled else None
