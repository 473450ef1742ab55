"""The start of an agent by a program, with keywords that type checkers and editors know.

async with application.running():
    pid = await start_agent(model="gpt-4o", tools=["calculator"], system_prompt="Be brief.")
"""

from typing import Unpack

from actors import InvalidArgument, Pid
from agents.settings.agent_options import AgentOptions
from supervisors import agent_supervisor

__all__ = ["start_agent"]


async def start_agent(config: AgentOptions | None = None, /, **options: Unpack[AgentOptions]) -> Pid:
    """Start an agent, and return its Pid. The agent's supervisor restarts it after a crash.

        pid = await start_agent(id="ada", model="gpt-4o", tools=[search], limits={"cost": 0.5})
        response = await agent.chat(pid, "Hello.")

    options: the keys of AgentOptions. The most used are `model`, `system_prompt`, `tools`, `answer_type`, `base_url`
    and `api_key`; docs/agents.md describes each with its default. config: the same keys as a dict, in place of options.

    Raises InvalidAgentConfig with one line per fault, AlreadyStarted for an id in use, and CallFailed where no
    application runs. Any other failure raises StartFailed.
    """
    if config is not None and options:
        raise InvalidArgument("a dict or keywords", "both", 'as in start_agent(model="gpt-4o")')
    return await agent_supervisor.start_agent(options if config is None else config)
