"""A client's requests, the same on every protocol. A request that fails raises Refusal.

`Visible` has only what its caller can see. Another user's agent, stream or session gets the same refusal as one that
does not exist.
"""

from collections.abc import Mapping
from typing import Any, Final, Self
from uuid import NAMESPACE_OID, uuid4, uuid5

from msgspec import Struct, field

from actors import Pid
from agents.agent_config.request import TurnRequest
from agents.contract.answers import ListedAgent, MessageReserved
from agents.core.text import to_json
from agents.gateway.errors import Refusal
from agents.gateway.gate import Gate
from agents.gateway.guard.caller import Caller
from agents.gateway.openai_api.models import Models
from agents.gateway.parts import check_accepted
from agents.gateway.quotas import Locks, Quotas
from agents.gateway.reader import AnyReader, Reader
from agents.gateway.reservations import RESERVED_S, Reservations, reserve_everywhere
from agents.gateway.sessions import Sessions
from agents.gateway.visible_sessions import VisibleSessions
from agents.gateway.visible_streams import VisibleStreams, replay
from agents.instance.elsewhere import StopFar, control, running_agent
from agents.instance.waking import Origin
from agents.parts.given import GivenContent
from agents.schedules.run import SESSION as SCHEDULED
from agents.sessions import SessionExists
from agents.settings import Scope, Settings
from supervisors import AlreadyStarted, agent_supervisor

PAGE: Final = 1000
CONVERSATION: Final = "conversation."
"""The begin of the ids of sessions that `conversation` begins."""


class DefaultAgent(Struct, frozen=True):
    """The agent of messages that name none.

    id: gateway.default_agent, or None. config: that of the configured agent with this id; new sessions have it, too.
    """

    id: str | None = None
    config: Mapping[str, Any] | None = None

    @classmethod
    def by(cls, settings: Settings) -> Self:
        id_ = settings.gateway.default_agent
        return cls(id_, next((each.given() for each in settings.agents if each.id == id_), None))


class Everything(Struct, frozen=True):
    """The agents, streams and sessions of all users. A route reaches them only through `visible_to`.

    models: the configured agents, for the routes below /v1/. continued: the locks of sessions that such a request
    continues now.
    """

    sessions: Sessions
    gate: Gate
    reservations: Reservations
    quotas: Quotas
    default_agent: DefaultAgent = DefaultAgent()
    models: Models = Models()
    continued: Locks = field(default_factory=Locks)

    def visible_to(self, caller: Caller) -> "Visible":
        return Visible(self, caller)


class Visible:
    """The agents, streams and sessions that one caller can see."""

    def __init__(self, everything: Everything, caller: Caller) -> None:
        self.sessions = VisibleSessions(everything.sessions, everything.quotas, caller)
        self.streams = VisibleStreams(self.sessions, everything.quotas, caller)
        self._everything, self._caller = everything, caller

    async def start(self, config: Mapping[str, Any]) -> Pid:
        """Start an agent for the caller. A caller with the scope admin can set another owner."""
        self._everything.gate.check()
        owner = config.get("owner", self._caller.user)
        admin = self._caller.may(Scope.ADMIN)
        if owner != self._caller.user and not admin:
            raise Refusal(403, "owner: expected your own user, got another: only the scope admin allows that")
        quotas = self._everything.quotas
        config = {**quotas.config(self._caller, config), "owner": owner}
        async with quotas.one_more_agent(self._caller, config.get("id")):
            return await agent_supervisor.start_agent(config, Origin.ADMIN if admin else Origin.USER)

    async def stop(self, agent_id: str) -> None:
        """Stop an agent. An agent that sleeps stays asleep."""
        crashed = await self._crashed(agent_id)
        if crashed is None and not await self.sessions.has(agent_id):
            raise _unknown(agent_id)
        if (pid := await running_agent(agent_id)) is not None:
            await control(pid, StopFar())
        elif crashed is not None:
            await agent_supervisor.stop_agent(agent_id)

    async def reset(self, agent_id: str) -> None:
        """Forget the restarts of an agent of this node. Raises NotRestarted if it can't be started."""
        crashed = await self._crashed(agent_id)
        if crashed is None and not await self.sessions.has(agent_id):
            raise _unknown(agent_id)
        if crashed is not None:
            await agent_supervisor.reset_agent(agent_id)
            await agent_supervisor.settled(agent_id)

    async def _crashed(self, agent_id: str) -> agent_supervisor.AgentRestarts | None:
        """Return the restarts of an agent of this node that the caller can see; None if it has none."""
        sees = self._caller.may(Scope.ADMIN)
        for each in await agent_supervisor.which_restarts(agent_id):
            if sees or each.owner == self._caller.user:
                return each
        return None

    async def agent(self, agent_id: str) -> Pid:
        """Return the agent's process, started from its session if necessary."""
        pid = await self.sessions.wake(agent_id)
        if pid is not None:
            return pid
        if (crashed := await self._crashed(agent_id)) is not None:  # and its session is not kept
            raise agent_supervisor.NotRestarted(crashed)
        raise _unknown(agent_id)

    async def default_agent(self, key: str) -> str:
        """Return the id of the default agent, or of the only agent that runs. key: the one that names another agent."""
        default = self._everything.default_agent.id
        if default is not None and await self.sessions.has(default):
            return default
        match await self.sessions.running(None, 2):
            case [only]:
                return only.id
            case found:
                count = "several" if found else "none"
                words = f"{key}: expected the id of an agent, since gateway.default_agent is not yours or not set"
                raise Refusal(422, f"{words}, and {count} of your agents run", "invalid")

    async def begin_session(
        self, session_id: str | None = None, config: Mapping[str, Any] | None = None, name: str | None = None
    ) -> str:
        """Return the id of a session, which is begun if it does not exist. session_id: None for a new one.

        config: of a new session; by default that of the default agent if the host configured that agent. name: of a new
        session; by default its id.
        """
        if session_id is not None and await self.sessions.has(session_id):
            return session_id
        session_id = session_id or uuid4().hex
        try:
            await self._begin(session_id, config or self._everything.default_agent.config, name or session_id)
        except (AlreadyStarted, SessionExists):
            if not await self.sessions.has(session_id):  # else the same request, sent again, has begun it
                raise
        return session_id

    async def _begin(self, session_id: str, config: Mapping[str, Any] | None, name: str) -> None:
        if config is None:
            await self.start({"id": session_id})
            return
        self._everything.gate.check()
        async with self._everything.quotas.one_more_agent(self._caller, session_id):
            account = config.get("account", config.get("name"))
            own = {**config, "id": session_id, "name": name, "owner": self._caller.user, "account": account}
            await agent_supervisor.start_agent(own, Origin.BEGUN)

    async def usable(self) -> list[ListedAgent]:
        """Return the agents that the caller may ask, in order of their ids: those that run, and configured ones.

        The sessions of conversations and of schedules' runs are not among them.
        """
        models = self._everything.models
        found = {each.id: each for each in models.agents(self._caller)}
        after: str | None = None
        while page := await self.sessions.running(after, PAGE):
            found |= {each.id: ListedAgent(each.id, each.name, each.live, each.owner) for each in page}
            after = page[-1].id
        return [found[id_] for id_ in sorted(found) if not id_.startswith((CONVERSATION, SCHEDULED))]

    async def conversation(self, agent_id: str, name: str = "") -> str:
        """Return the id of the caller's session with this agent and this name. It is begun if it does not exist.

        name: "" for the agent's own session, or if that is another user's, for one without a name.
        """
        if not name and await self.sessions.has(agent_id):
            return agent_id
        config = self._everything.models.config(agent_id, self._caller)
        user = self._caller.user or ""
        session_id = f"{CONVERSATION}{uuid5(NAMESPACE_OID, to_json([user, agent_id, name]).decode()).hex}"
        async with self._everything.continued.lock(session_id):  # two requests must not both begin it
            return await self.begin_session(session_id, config, name or agent_id)

    async def ask(
        self,
        agent_id: str,
        message: str | GivenContent,
        stream_id: str | None = None,
        request: TurnRequest | None = None,
    ) -> AnyReader:
        """Send a message to an agent, and return a reader of its stream.

        stream_id: chosen by the client. A second request with the same id reads the same stream. request: as in
        agent.stream_chat.
        """
        self._everything.gate.check()
        if stream_id is not None:
            self._everything.reservations.check(stream_id, self._caller.user)
        pid = await self.agent(agent_id)
        if (
            stream_id is not None
            and await self._everything.sessions.has_stream(stream_id)  # for a new id this is the only read of the store
            and await self.sessions.find_stream(stream_id) != pid
        ):
            kept = await self.sessions.kept_stream(stream_id)
            if kept is not None and kept.session_id == agent_id:
                return await replay(self.sessions, kept, 0)
            raise Refusal(409, "expected a new stream_id or one of this agent, got another agent's", "conflict")
        await self._everything.quotas.check_waiting(self._caller, message, pid, request)
        if not pid.alive:  # it was idle, and has ended meanwhile
            pid = await self.agent(agent_id)
        check_accepted(pid, message)
        reader = Reader(stream_id or uuid4().hex)
        reader.ask(pid, message, request)
        return reader

    async def reserve(self, stream_id: str) -> MessageReserved:
        """Reserve a message id. Raises Refusal if a stream has the id, or if the id is reserved."""
        if await self._everything.sessions.has_stream(stream_id):
            raise Refusal(409, "expected an unused message id, got one that has a stream", "conflict")
        await reserve_everywhere(self._everything.reservations, stream_id, self._caller.user)
        return MessageReserved(stream_id, RESERVED_S)


def _unknown(agent_id: str) -> Refusal:
    return Refusal(404, f"expected the id of an agent, got {agent_id!r}"[:200], "agent_not_found")
