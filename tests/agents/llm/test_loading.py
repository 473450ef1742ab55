"""The client's modules: loaded before the first model call, and by no loop."""

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


EARLY = """
import asyncio, sys, threading
from agents import agent, application
from supervisors import agent_supervisor

class Importers:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("openai", "aiohttp", "httpx2"):
            print(threading.current_thread() is threading.main_thread())

async def main(url):
    sys.meta_path.insert(0, Importers())
    async with application.running():
        config = {"model": "echo", "base_url": url, "api_key": "rehearsal-key"}
        pids = [await agent_supervisor.start_agent(config) for _ in range(3)]
        answers = await asyncio.gather(*(agent.chat(pid, "Hello") for pid in pids))
        assert [each.content for each in answers] == 3 * ["Hello"]

asyncio.run(main(sys.argv[1]))
"""


async def test_after_the_client_is_loaded_a_first_model_call_imports_nothing_of_it() -> None:
    async with RehearsalServer(builtin()) as server:
        count, *imported = await printed(PROGRAM, server)
    assert int(count) > 500
    assert not [name for name in imported if name.split(".")[0] in ("openai", "aiohttp", "httpx2", "httpcore2", "ssl")]


async def test_turns_right_after_the_start_wait_for_a_thread_that_loads_the_client() -> None:
    async with RehearsalServer(builtin()) as server:
        on_the_loop = await printed(EARLY, server)
    assert len(on_the_loop) > 500
    assert set(on_the_loop) == {"False"}


async def printed(program: str, server: RehearsalServer) -> list[str]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, server.base_url, stdout=PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().split()
