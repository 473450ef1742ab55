"""The clients of all endpoints: one process that opens each once and closes them at its end.

State: endpoint -> client. Agents of the same endpoint share its connections.
"""

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from actors import Caller, GenServer, NoReply, Pid, Reply, call
from agents.llm.endpoint import Endpoint, MissingKey

if TYPE_CHECKING:
    from agents.llm.openai_client import OpenAIClient

LLM_CLIENTS: Final = "llm_clients"

Clients = dict[Endpoint, "OpenAIClient"]


class Open(Struct, frozen=True):
    """Answered with an OpenAIClient, or with MissingKey."""

    endpoint: Endpoint


async def open_client(endpoint: Endpoint, server: Pid | str = LLM_CLIENTS) -> "OpenAIClient":
    """The endpoint's client. Raises MissingKey."""
    answer = await call(server, Open(endpoint))
    if isinstance(answer, MissingKey):
        raise answer
    client: OpenAIClient = answer
    return client


class LlmClients(GenServer[Clients]):
    trap_exit = True

    def init(self, *_: Any) -> Clients:
        _client_class()  # at the application's start, not in the first turn
        return {}

    def handle_call(self, request: Open, caller: Caller, clients: Clients) -> Reply[Clients]:
        if request.endpoint in clients:
            return Reply(clients[request.endpoint], clients)
        try:
            client = _client_class()(request.endpoint)
        except MissingKey as missing:
            return Reply(missing, clients)
        return Reply(client, {**clients, request.endpoint: client})

    def handle_info(self, message: Any, clients: Clients) -> NoReply[Clients]:
        return NoReply(clients)

    async def terminate(self, reason: Any, clients: Clients) -> None:
        for client in clients.values():
            await client.close()


def _client_class() -> "type[OpenAIClient]":
    """Imported late: it takes 0.8 s, and a worker process that imports a host's script for its tools shall not pay."""
    from agents.llm.openai_client import OpenAIClient

    return OpenAIClient
