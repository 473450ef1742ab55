"""The treatment of an agent's large results, from its settings."""

import dataclasses
from collections.abc import Mapping

from agents.core.large_result import LargeResults
from agents.settings.agent import AgentSettings
from agents.tools.result import MAX_RESULT_BYTES
from agents.tools.tool import Tool

READ_RESULT = "agents.tools.builtin.read_result:read_result"


def large_results(checked: AgentSettings) -> LargeResults | None:
    """Return the limits of the agent's results; None if the model gets all of each."""
    own = checked.large_results
    return None if own is None else LargeResults(own.inline_bytes, own.shown_bytes, own.max_bytes)


def with_larger_results(tools: Mapping[str, Tool], limits: LargeResults | None) -> Mapping[str, Tool]:
    """Return the tools, whose results may be as large as the agent keeps them. A tool's own limit stays."""
    if limits is None:
        return tools
    return {name: _larger(tool, limits.max_bytes) for name, tool in tools.items()}


def _larger(tool: Tool, most: int) -> Tool:
    if tool.large_results == "whole" or tool.max_output_bytes != MAX_RESULT_BYTES:
        return tool
    return dataclasses.replace(tool, max_output_bytes=most)
