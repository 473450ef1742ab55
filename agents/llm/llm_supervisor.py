"""The supervisor of the providers: one for each endpoint that is asked, with a client of its own."""

import asyncio
import dataclasses
from collections.abc import Callable
from threading import Thread
from typing import Final

from agents.llm.client import Client
from agents.llm.endpoint import Endpoint
from agents.llm.provider import Provider, ProviderPolicy
from supervisors import ChildSpec, DynamicFlags, DynamicSupervisor, RestartType

SETTLED_S: Final = 1.0  # by then an application has started, and its start was not held up
ONCE: Final = DynamicFlags()
NOWHERE: Final = Endpoint("http://localhost/", "none")


class LlmSupervisor(DynamicSupervisor):
    """Started with the ProviderPolicy of all providers, and its own flags."""

    def tree(self, policy: ProviderPolicy, flags: DynamicFlags = ONCE) -> tuple[DynamicFlags, ChildSpec]:
        importing = Thread(target=_import_client, name="llm_client")
        asyncio.get_running_loop().call_later(SETTLED_S, importing.start)  # before the first turn, if that has time
        provider = ChildSpec("provider", Provider, policy, _openai_client, restart=RestartType.TEMPORARY)
        return dataclasses.replace(flags, max_children=policy.max_count), provider


async def load_client() -> None:
    """Load what the first model call would load, before a program says that it is ready. It takes 0.5 s of CPU.

    The import is most of it. The rest is what the first client loads when it is made, so one is made here.
    """
    client = await asyncio.to_thread(_openai_client, NOWHERE)
    await client.close()


def _openai_client(endpoint: Endpoint) -> Client:
    return _import_client()(endpoint)


def _import_client() -> Callable[[Endpoint], Client]:
    """Imported late: it takes 0.8 s, and a worker process that imports a host's script for its tools shall not pay.

    Whoever asks while a thread still imports it waits for the rest of it, by the import system's own lock.
    """
    from agents.llm.http.openai_client import OpenAIClient

    return OpenAIClient
