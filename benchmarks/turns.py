"""Traces of very many turns: memory, files, OS processes, table entries. Takes a minute or two."""

import logging
from time import process_time

from msgspec import Struct

from agents import agent, application
from benchmarks.endurance import Left
from benchmarks.ours import ONE_WORKER, start_agent
from benchmarks.workload import QUESTION, Measured
from supervisors import agent_supervisor

MODELS = ("tokens-20", "calls-2-of-echo")


class Sizes(Struct, frozen=True):
    """The sizes of the runs: turns one after the other, several per agent; every second agent calls tools.

    warming: turns that are not counted.
    """

    turns: int = 10_000
    warming: int = 2_000
    of_an_agent: int = 10


async def measured(base_url: str, sizes: Sizes) -> Measured:
    logging.disable()
    async with application.running(ONE_WORKER) as system:
        await take(base_url, sizes.warming, sizes.of_an_agent)
        before, before_s = Left.now(system), process_time()
        await take(base_url, sizes.turns, sizes.of_an_agent)
        took_s, after = process_time() - before_s, Left.now(system)
    return {"turn_cycle": took_s / sizes.turns * 1e6, **after.growth(before, "turns")}


async def take(base_url: str, turns: int, of_an_agent: int) -> None:
    for number in range(turns // of_an_agent):
        pid = await start_agent(base_url, MODELS[number % len(MODELS)])
        for _ in range(of_an_agent):
            await agent.chat(pid, QUESTION)
        await agent_supervisor.stop_agent(pid)
