"""The parts of one message beside its text, in place of the agent's configuration or in addition to it."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import Conversation, SystemMessage
from agents.llm.endpoint import Api
from agents.llm.route import Route

NO_OPTIONS: Final[Mapping[Api, Mapping[str, Any]]] = {}


class TurnRequest(Struct, frozen=True):
    """The parts of a message that hold for its turn only.

    A turn that continues after a crash, also one that waited, has the messages. It hands back the calls of the client's
    tools that the model has made, and offers these tools no more. It has neither the instructions nor the options.

    messages: the turn's first messages, in place of the message's text, such as results of the client's tools.
    tools: name, description and parameters of each of the client's tools. A call of one ends the turn, and the client
    runs it. instructions: text for the model that the conversation does not keep. options: request options for each
    API, which have precedence over the agent's. size_bytes: what the request adds to its user's quota while it waits.
    """

    messages: Conversation = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    instructions: str = ""
    options: Mapping[Api, Mapping[str, Any]] = NO_OPTIONS
    size_bytes: int = 0

    @property
    def tool_names(self) -> frozenset[str]:
        return frozenset(str(tool["name"]) for tool in self.tools)

    def over(self, route: Route) -> Route:
        """Return the route with the options for its API."""
        return replace(route, options={**route.options, **self.options.get(route.api, {})})

    def instructed(self, conversation: Conversation) -> Conversation:
        """Return the conversation for a model call: with the instructions, after the agent's own system prompt."""
        if not self.instructions:
            return conversation
        own = 1 if conversation and isinstance(conversation[0], SystemMessage) else 0
        return (*conversation[:own], SystemMessage(self.instructions), *conversation[own:])


NO_REQUEST: Final = TurnRequest()
