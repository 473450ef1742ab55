"""The benchmarks' functions as tools. The peers' environments do not have this module's imports."""

from typing import Any, Final

from agents.tools.tool import Tool, tool
from benchmarks.chores import block, burn, echo, nap

CHORES: Final[tuple[Tool[..., Any], ...]] = (tool(nap), tool(block), tool(burn), tool(echo))
