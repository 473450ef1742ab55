"""The import of the modules of an agent's tools and hooks, and the connections to its servers, before the agent starts.

So no call waits for an import, and a server that does not start fails the agent's start.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from actors import StartFailed, whereis
from agents.agent_config import InvalidAgentConfig
from agents.agent_config.kept import not_given
from agents.agent_config.of_settings import of_settings
from agents.hooks.resolve import named_in
from agents.hooks.resolve import usable as usable_hooks
from agents.instance.waking import Origin
from agents.mcp.keeper import connect
from agents.mcp.spec import ServerSpec, servers_of
from agents.settings import Settings
from agents.settings.hooks import ALL, HookSettings
from agents.sub_agents.agent_tool import AgentTool
from agents.tools.errors import InvalidTool, PoolUnavailable, ServerDown
from agents.tools.importing import import_named
from agents.tools.pool_server import TOOL_POOL, open_pool
from agents.tools.registry import usable


async def load_tools(settings: Settings, given: Mapping[str, Any], origin: Origin = Origin.GIVEN) -> None:
    """Import the modules of an agent's tools, in this process and in worker processes. Connect to its MCP servers.

    For a kept configuration, do nothing if it names code or an address that this program gave no agent: the agent's
    start refuses it. Raises InvalidAgentConfig if a worker can't use a module, and StartFailed if no worker process
    runs, or a server does not start. The agent's start reports other faults of the configuration.
    """
    if origin is Origin.KEPT:
        if (whole := of_settings(given, settings)) is not None:
            given, origin = whole, Origin.GIVEN
        elif any(not_given(given, settings)):
            return
    named, hooks = given.get("tools"), _hooks(given, settings)
    try:
        await import_named(
            [*(named if isinstance(named, list | tuple) else ()), *hooks], settings.tools.import_timeout / 1000
        )
        tools = [tool for tool in (*usable(named), *usable_hooks(hooks)) if tool.isolation == "process"]
        if tools and whereis(TOOL_POOL) is not None:  # a restarted pool imports when a call needs it
            await (await open_pool()).load(tools)
        await connect(_servers(named, settings))
        for each in usable(named):
            if isinstance(each, AgentTool):
                await load_tools(settings, each.agent, origin)
        for other in given.get("handoffs") or ():
            if isinstance(other, Mapping):
                await load_tools(settings, other, origin)
    except InvalidTool as invalid:
        raise InvalidAgentConfig(fault.below("tools") for fault in invalid.faults) from None
    except (PoolUnavailable, ServerDown) as unavailable:
        raise StartFailed("agent", unavailable) from unavailable


def _hooks(given: Mapping[str, Any], settings: Settings) -> list[Any]:
    """Return the entries of all hooks that may hold for the agent. The agent's start reports faulty ones."""
    named: list[Any] = []
    for name in (ALL, given.get("owner")):
        if name in settings.hooks:
            named += named_in(settings.hooks[name])
    own = given.get("hooks")
    with suppress(ValidationError):
        named += named_in(HookSettings() if own is None else HookSettings.model_validate(own))
    return named


def _servers(named: Any, settings: Settings) -> tuple[ServerSpec, ...]:
    """Return the servers of a list of tools. A faulty list has none: the agent's start reports its faults."""
    try:
        return servers_of(named if isinstance(named, list | tuple) else (), settings.mcp)
    except InvalidTool:
        return ()
