"""Load the client of model calls before the first one."""

import asyncio
import sys
from asyncio.subprocess import PIPE

from agents.rehearsal import RehearsalServer, builtin

PROGRAM = """
import asyncio, sys
from agents import agent, application
from agents.llm.llm_supervisor import load_client
from agents.settings import Settings
from supervisors import agent_supervisor

async def main(url):
    async with application.running(Settings()):
        await load_client()
        before = set(sys.modules)
        for api in ("chat", "responses"):
            config = {"model": "echo", "base_url": url, "api_key": "rehearsal-key", "api_preference": api}
            pid = await agent_supervisor.start_agent(config)
            assert (await agent.chat(pid, "Hello")).content == "Hello"
        print(len(before), *sorted(set(sys.modules) - before))

asyncio.run(main(sys.argv[1]))
"""


async def test_after_the_client_is_loaded_a_first_model_call_imports_nothing_of_it() -> None:
    async with RehearsalServer(builtin()) as server:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, server.base_url, stdout=PIPE)
        out, _ = await process.communicate()
    count, *imported = out.decode().split()
    assert process.returncode == 0
    assert int(count) > 500
    assert not [name for name in imported if name.split(".")[0] in ("openai", "aiohttp", "httpx2", "httpcore2", "ssl")]
