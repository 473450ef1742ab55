"""The supervisor of the providers. Each endpoint in use has one provider with its own client.

A thread loads the modules of the client: that takes 0.4 s, and no loop may wait for it. An earlier model call waits
for the thread. A worker that imports a host's script does not load them.
"""

import asyncio
import dataclasses
import threading
from typing import Any, Final

from actors.server.outcomes import Ignore
from agents.llm.client import ModelClient, NewClient
from agents.llm.endpoint import Endpoint
from agents.llm.provider import Provider, ProviderPolicy
from supervisors import ChildSpec, DynamicFlags, DynamicSupervisor, RestartType
from supervisors.dynamic_supervisor import DynamicState

SETTLED_S: Final = 1.0  # by then an application has started, so the import does not delay its start
ONCE: Final = DynamicFlags()
NOWHERE: Final = Endpoint("http://localhost/", "none")

_loaded: Final = threading.Event()


class LlmSupervisor(DynamicSupervisor):
    """The supervisor of the providers. Its arguments: the ProviderPolicy of all providers, and its own flags.

    new_client: makes the client of an endpoint, for tests. None: the openai client.
    """

    def init(self, *args: Any) -> DynamicState | Ignore:
        state = super().init(*args)
        if self._client_is_ours:
            importing = threading.Thread(target=_load, name="llm_client")
            asyncio.get_running_loop().call_later(SETTLED_S, importing.start)  # usually before the first turn
        return state

    def tree(
        self, policy: ProviderPolicy, flags: DynamicFlags = ONCE, new_client: NewClient | None = None
    ) -> tuple[DynamicFlags, ChildSpec]:
        self._client_is_ours = new_client is None
        provider = ChildSpec("provider", Provider, policy, new_client or openai_client, restart=RestartType.TEMPORARY)
        return dataclasses.replace(flags, max_children=policy.max_count), provider


async def openai_client(endpoint: Endpoint) -> ModelClient:
    """Return a client for the endpoint. Raises ProviderFailed if its address or its key is unusable."""
    await load_client()
    from agents.llm.http.openai_client import OpenAIClient

    return OpenAIClient(endpoint)


async def load_client() -> None:
    """Load the modules that a model call needs, in a thread, unless they are loaded."""
    if not _loaded.is_set():
        await asyncio.to_thread(_load)


def _load() -> None:
    """Load the modules. The first client loads the rest of them, so this function makes one.

    If another thread is importing a module, the import system's lock makes this one wait.
    """
    if not _loaded.is_set():
        from agents.llm.http.openai_client import OpenAIClient

        OpenAIClient(NOWHERE)  # it has opened nothing that needs a close
        _loaded.set()
