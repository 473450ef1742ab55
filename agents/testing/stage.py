"""A stage: an application for one test, on a loop of its own, whose provider is a rehearsal.

with real_stage(RehearsalServer(script), settings) as stage:        # real time, real HTTP on loopback
    stage.run(test())
with simulated_stage(script, settings, seed=7) as stage:            # virtual time, no network
    stage.run(test())

Every endpoint leads to the rehearsal, also one that an agent names, so no test reaches a real provider.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Final, Protocol, TypeVar

from pydantic import SecretStr

import actors.testing
from actors import AsyncioSystemBase, InvalidArgument, Pid, ended, new_event_loop
from actors.testing import Simulation
from agents import application
from agents.instance.turns import STREAM_SUPERVISOR
from agents.llm.client import NewClient
from agents.llm.endpoint import Endpoint
from agents.llm.llm_supervisor import openai_client
from agents.llm.provider import LLM_SUPERVISOR
from agents.rehearsal import RehearsalServer, Script
from agents.rehearsal.director import Director
from agents.sessions import open_journal
from agents.settings import Durability, GarbageCollection, Settings
from agents.testing.in_memory import InMemoryClient
from agents.testing.inline import inline
from agents.tools.call_supervisor import TOOL_SUPERVISOR
from supervisors import ChildSpec, Flags
from supervisors.dynamic_supervisor import which_children

T = TypeVar("T")

NOWHERE: Final = "http://127.0.0.1:1/v1"  # the provider of a simulation, to which no request is sent
KEY: Final = "rehearsal"
WORKING: Final = (STREAM_SUPERVISOR, TOOL_SUPERVISOR)


class Run(Protocol):
    def __call__(self, work: Coroutine[Any, Any, T], /) -> T: ...


class Stage:
    """A running application and its rehearsal. run: runs a coroutine on the application's loop, from blocking code."""

    def __init__(self, run: Run, requests: Callable[[], list[dict[str, Any]]]) -> None:
        self.run = run
        self._requests = requests

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The decoded bodies of the requests to the provider, oldest first."""
        return self._requests()

    async def settled(self) -> None:
        """Wait until nothing is left to do.

        Then no turn runs or waits, no tool runs, no process is ready to run, and kept sessions are on disk. Timers of
        your own processes are not waited for. A call that waits for an approval is waited for.
        """
        await actors.testing.settled()
        while working := [child for supervisor in WORKING for child in await which_children(supervisor)]:
            if isinstance(pid := working[0].pid, Pid):
                await ended(pid)
            await actors.testing.settled()
        if (journal := await open_journal()) is not None:
            await journal.durable()


@contextmanager
def real_stage(server: RehearsalServer, settings: Settings) -> Iterator[Stage]:
    """Run the application in real time, against a rehearsal server that runs."""
    settings = _at(server.base_url, server.script, settings)
    flags, children = tree(settings, lambda _: openai_client(Endpoint(server.base_url, KEY)))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        yield from _stage(runner.run, _running(flags, children), lambda: server.requests)


@contextmanager
def simulated_stage(script: Script, settings: Settings, seed: int = 0) -> Iterator[Stage]:
    """Run the application in virtual time, in an order that the seed decides.

    `def` tools run on the loop, since there are no OS processes. Kept sessions, which need threads, are refused. An
    exception of `run` has a note with the seed and the last steps.
    """
    if settings.sessions.durability is not Durability.OFF:
        raise InvalidArgument('sessions.durability "off" in a simulation', settings.sessions.durability.value)
    director = Director(script)
    settings = _at(NOWHERE, script, settings).model_copy(update={"garbage_collection": GarbageCollection.UNCHANGED})
    flags, children = tree(settings, lambda endpoint: InMemoryClient(director, endpoint))
    with Simulation(seed) as simulation:

        def run(work: Coroutine[Any, Any, T]) -> T:
            try:
                return simulation.run(work)
            except BaseException as error:
                error.add_note(simulation.report(f"simulation_seed={seed}"))
                raise

        yield from _stage(run, _running(flags, inline(children)), lambda: list(director.requests))


def tree(settings: Settings, new_client: NewClient) -> tuple[Flags, tuple[ChildSpec, ...]]:
    """Return the application's tree with these clients in place of the openai client."""
    flags, children = application.tree(settings)
    return flags, tuple(_with(new_client, child) if child.id == LLM_SUPERVISOR else child for child in children)


def _with(new_client: NewClient, child: ChildSpec) -> ChildSpec:
    return ChildSpec(child.id, child.start, *child.args, new_client, name=child.name)


def _at(base_url: str, script: Script, settings: Settings) -> Settings:
    """Return the settings with the rehearsal as provider. Without a model of their own: the script's first one."""
    own = {} if "model" in settings.model_fields_set else {"model": next(iter(script.models))}
    return settings.model_copy(update={**own, "base_url": base_url, "api_key": SecretStr(KEY)})


@asynccontextmanager
async def _running(flags: Flags, children: tuple[ChildSpec, ...]) -> AsyncIterator[None]:
    async with AsyncioSystemBase():
        await application.start_tree(flags, children)
        yield


def _stage(run: Run, running: AbstractAsyncContextManager[None], requests: Callable[[], Any]) -> Iterator[Stage]:
    run(running.__aenter__())
    try:
        yield Stage(run, requests)
    finally:
        run(running.__aexit__(None, None, None))
