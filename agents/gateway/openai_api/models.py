"""The configured agents as models, by their ids."""

from collections.abc import Mapping
from typing import Any, Final, Self

from msgspec import Struct

from agents.contract.answers import ListedAgent
from agents.contract.chat_completions import ListedModel
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.settings import Scope, Settings

NO_CONFIGS: Final[Mapping[str, Mapping[str, Any]]] = {}


class Models(Struct, frozen=True):
    """The configurations of the settings' agents, by id.

    default: the id of the default agent, which every user may use. since: the time of the settings, in Unix seconds.
    """

    configs: Mapping[str, Mapping[str, Any]] = NO_CONFIGS
    default: str | None = None
    since: int = 0

    @classmethod
    def by(cls, settings: Settings, since: int) -> Self:
        return cls({each.id: each.given() for each in settings.agents}, settings.gateway.default_agent, since)

    def visible_to(self, caller: Caller) -> list[ListedModel]:
        """Return the agents that the caller may use: its own ones, the default agent, and all for an admin."""
        return [self._listed(id_) for id_ in self.configs if self._may_use(caller, id_)]

    def agents(self, caller: Caller) -> list[ListedAgent]:
        """Return the same agents as agents, of which it is unknown whether they run."""
        own = ((id_, config) for id_, config in self.configs.items() if self._may_use(caller, id_))
        return [ListedAgent(id_, config.get("name", id_), live=False, owner=config.get("owner")) for id_, config in own]

    def listed(self, id_: str, caller: Caller) -> ListedModel:
        """Return the model with this id. Raises Refusal."""
        self.config(id_, caller)
        return self._listed(id_)

    def config(self, id_: str, caller: Caller) -> Mapping[str, Any]:
        """Return the configuration of an agent for one of the caller's turns. Raises Refusal."""
        if id_ not in self.configs or not self._may_use(caller, id_):
            words = f"expected the id of a configured agent that you may use, got {id_!r}"[:200]
            raise Refusal(404, words, param="model", code="model_not_found")
        return self.configs[id_]

    def _listed(self, id_: str) -> ListedModel:
        return ListedModel(id_, self.since, self.configs[id_].get("owner") or "understudy")

    def _may_use(self, caller: Caller, id_: str) -> bool:
        owner = self.configs[id_].get("owner")
        return caller.may(Scope.ADMIN) or id_ == self.default or (owner is not None and owner == caller.user)
