"""Hooks: functions of the host that decide on model calls and tool calls, before and after each.

    from agents.hooks import BeforeTool, Deny, Run

    def no_shell(call: BeforeTool) -> Run | Deny:
        return Deny("commands are not allowed here") if call.tool == "shell" else Run()

    await start_agent(tools=[shell], hooks={"before_tool": [no_shell]})

docs/hooks.md describes each hook. A worker process imports this module, so it imports little.
"""

from agents.hooks.answers import Ask, Deny, Rewrite, Run
from agents.hooks.hook import Hook, hook
from agents.hooks.points import AfterModel, AfterTool, BeforeModel, BeforeTool

__all__ = ["AfterModel", "AfterTool", "Ask", "BeforeModel", "BeforeTool", "Deny", "Hook", "Rewrite", "Run", "hook"]
