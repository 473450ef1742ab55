"""The supervisor of the providers. Each endpoint in use has one provider with its own client."""

import asyncio
import dataclasses
from collections.abc import Callable
from threading import Thread
from typing import Any, Final, TypeAlias

from actors.server.outcomes import Ignore
from agents.llm.client import Client
from agents.llm.endpoint import Endpoint
from agents.llm.provider import Provider, ProviderPolicy
from supervisors import ChildSpec, DynamicFlags, DynamicSupervisor, RestartType
from supervisors.dynamic_supervisor import DynamicState

SETTLED_S: Final = 1.0  # by then an application has started, so the import does not delay its start
ONCE: Final = DynamicFlags()
NOWHERE: Final = Endpoint("http://localhost/", "none")
NewClient: TypeAlias = Callable[[Endpoint], Client]


class LlmSupervisor(DynamicSupervisor):
    """The supervisor of the providers. Its arguments: the ProviderPolicy of all providers, and its own flags.

    new_client: makes the client of an endpoint, for tests. None: the openai client.
    """

    def init(self, *args: Any) -> DynamicState | Ignore:
        state = super().init(*args)
        if self._client_is_ours:
            importing = Thread(target=_import_client, name="llm_client")
            asyncio.get_running_loop().call_later(SETTLED_S, importing.start)  # usually before the first turn
        return state

    def tree(
        self, policy: ProviderPolicy, flags: DynamicFlags = ONCE, new_client: NewClient | None = None
    ) -> tuple[DynamicFlags, ChildSpec]:
        self._client_is_ours = new_client is None
        provider = ChildSpec("provider", Provider, policy, new_client or openai_client, restart=RestartType.TEMPORARY)
        return dataclasses.replace(flags, max_children=policy.max_count), provider


async def load_client() -> None:
    """Load the modules that the first model call needs, before a program reports that it is ready.

    Loading takes 0.5 s of CPU, most of it for the import. The first client loads the rest, so this function makes one.
    """
    client = await asyncio.to_thread(openai_client, NOWHERE)
    await client.close()


def openai_client(endpoint: Endpoint) -> Client:
    """Return a client for the endpoint. Raises ProviderFailed if its address or its key is unusable."""
    return _import_client()(endpoint)


def _import_client() -> NewClient:
    """Import OpenAIClient late: the import takes 0.8 s, and a worker that imports a host's script does not need it.

    If a thread is importing the module, the import system's lock makes the caller wait for that thread.
    """
    from agents.llm.http.openai_client import OpenAIClient

    return OpenAIClient
