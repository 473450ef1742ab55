"""What must be there before an agent starts: the modules of its tools, so that no call waits for an import."""

from collections.abc import Mapping
from typing import Any

from actors import StartFailed, whereis
from agents.agent_config import InvalidAgentConfig
from agents.agent_config.kept import not_given
from agents.instance.waking import Origin
from agents.settings import Settings
from agents.tools.errors import InvalidTool, PoolUnavailable
from agents.tools.importing import import_named
from agents.tools.pool_server import TOOL_POOL, open_pool
from agents.tools.registry import usable


async def load_tools(settings: Settings, given: Mapping[str, Any], origin: Origin = Origin.GIVEN) -> None:
    """Import the modules of an agent's tools, here and in worker processes, so that no call waits for that.

    Imports nothing for a kept configuration that names what this program gave no agent: the agent's start refuses it.
    Raises InvalidAgentConfig if a module can't be used in a worker, and StartFailed if there are no worker processes.
    Other faults of the configuration are left to the agent's start.
    """
    if origin is Origin.KEPT and any(not_given(given, settings)):
        return
    named = given.get("tools")
    try:
        await import_named(named, settings.tools.import_timeout / 1000)
        tools = [tool for tool in usable(named) if tool.isolation == "process"]
        if tools and whereis(TOOL_POOL) is not None:  # a pool that comes back imports when a call needs it
            await (await open_pool()).load(tools)
    except InvalidTool as invalid:
        raise InvalidAgentConfig([f"tools: {fault}" for fault in invalid.faults]) from None
    except PoolUnavailable as unavailable:
        raise StartFailed("agent", unavailable) from unavailable
