"""The calls that agents answer: each sub-agent is a process under its call's supervisor, and ends with the call.

    supervisor of one call
    ├── ToolWorker              asks the agent, and publishes its events in the stream of the calling turn
    └── AgentInstance           the sub-agent

A turn that continues after a crash makes the call again. The call then finds the session of its sub-agent, whose turn
continues, too.
"""

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from actors import CallFailed, Down, Mailbox, Pid, StartFailed, call
from agents.agent_config import AgentConfig
from agents.core.backlog import backlog
from agents.core.budget import BudgetOf
from agents.core.events import TERMINAL, Event, StreamComplete, StreamError, StreamSubAgent
from agents.instance.elsewhere import HANDED_OVER
from agents.instance.requests import Follow
from agents.instance.state import StreamChat
from agents.instance.waking import Origin
from agents.sessions import open_journal
from agents.settings import Settings
from agents.sub_agents.agent_tool import AgentTool
from agents.sub_agents.parent_call import ParentCall, sub_agent_id
from agents.tools.call_supervisor import ToolWorker, worker_of_call
from agents.tools.errors import ServerRaised
from agents.tools.job import Calling
from agents.tools.tool import Tool
from supervisors import AlreadyStarted, ChildSpec, start_child
from supervisors.agent_supervisor import prepare_agent

LAST_WORDS_S: Final = 5.0  # wait for the stream's own end after its agent has ended
EVENTS_PAGE: Final = 1000
MOST: Final = 256  # events that are read at once


class Caller(Struct, frozen=True):
    """The agent whose calls sub-agents answer.

    template: the spec of an agent's process. max_depth: the number of sub-agents below each other. kept: whether the
    agent's session is kept.
    """

    config: AgentConfig
    settings: Settings
    template: ChildSpec
    max_depth: int
    kept: bool

    @property
    def depth(self) -> int:
        """The number of agents above this one's sub-agents."""
        return 1 if self.config.parent is None else self.config.parent.depth + 1


def with_sub_agents(config: AgentConfig, settings: Settings, template: ChildSpec, *, kept: bool) -> AgentConfig:
    """Return the configuration with tools that start agents. template: as in Caller."""
    agents = (config, *config.team.values())
    if not any(isinstance(each, AgentTool) for agent in agents for each in agent.tools.values()):
        return config
    caller = Caller(config, settings, template, settings.sub_agents.max_depth, kept)
    team = {name: replace(each, tools=_started(caller, each.tools)) for name, each in config.team.items()}
    return replace(config, tools=_started(caller, config.tools), team=team)


def _started(caller: Caller, tools: Mapping[str, Tool]) -> Mapping[str, Tool]:
    """Return the tools with agents that calls start."""
    return {name: _started_by(caller, each) if isinstance(each, AgentTool) else each for name, each in tools.items()}


def _started_by(caller: Caller, tool: AgentTool) -> AgentTool:
    async def ask(message: str) -> Any:
        return await _SubAgentCall(caller, tool, worker_of_call()).answer(message)

    return dataclasses.replace(tool, function=ask)


class _SubAgentCall:
    """One call that a sub-agent answers. `answer` raises ServerRaised with the reason of a failure."""

    def __init__(self, caller: Caller, tool: AgentTool, worker: ToolWorker) -> None:
        self._caller, self._tool, self._worker = caller, tool, worker
        self._turn = _turn_of(worker)
        self._seen = self._turn.seen()
        self._id = sub_agent_id(
            tool.name, caller.config.id, self._turn.stream_id, self._turn.past.spent.model_calls, worker.job.call.index
        )

    async def answer(self, message: str) -> Any:
        """Return the sub-agent's answer."""
        limit = self._caller.max_depth
        if self._caller.depth > limit:
            raise self._failure(f"{limit} agents call each other already, which is sub_agents.max_depth")
        end = None if self._seen is None else await self._ended_before()
        return self._result(end if end is not None else await self._asked(message))

    def _publish(self, event: Event) -> None:
        """Publish an event that the caller's stream lacks."""
        own = event.event if isinstance(event, StreamSubAgent) else event
        if not self._seen or own.seq > self._seen.get(own.stream_id, 0):
            self._worker.publish(event)

    async def _ended_before(self) -> StreamComplete | StreamError | None:
        """Return the end of a stream that had ended before the crash. Publish what the caller's stream lacks of it."""
        journal = await open_journal()
        stream = None if journal is None else await journal.store.stream(self._id)
        if journal is None or stream is None or stream.ended_at is None:
            return None
        end: Event | None = None
        for after in range(0, stream.last_seq, EVENTS_PAGE):
            for end in await journal.store.events(self._id, after, EVENTS_PAGE):
                self._publish(end)
        return end if isinstance(end, TERMINAL) else None

    async def _asked(self, message: str) -> StreamComplete | StreamError:
        """Start the agent, ask it, and publish its events. Return the last one."""
        box = Mailbox()
        try:
            agent = await self._start()
            self._worker.serve_by(agent)
            box.monitor(agent)
            seen = (self._seen or {}).get(self._id, 0)
            if not (seen and await call(agent, Follow(self._id, box.pid, seen), timeout_s=None)):
                self._worker.send(agent, StreamChat(message, box.pid, self._id, trace=self._worker.job.trace))
            return await self._read(box)
        except CallFailed as failed:
            raise self._failure(str(failed)) from None
        finally:
            box.close()

    async def _start(self) -> Pid:
        caller = self._caller
        config = {**self._tool.agent, "id": self._id, "owner": caller.config.owner}
        origin = Origin.GIVEN if caller.kept else Origin.ONCE
        try:
            await prepare_agent(config)
            spec = caller.template.with_args(caller.settings, config, origin, self._parent_call())
            agent: Pid = await start_child(self._worker.supervisor, spec)
        except StartFailed as failed:
            why = failed.reason if isinstance(failed.reason, Exception) else failed
            if isinstance(why, AlreadyStarted) and self._seen is not None:  # the program has started it by its id
                return why.pid
            raise self._failure(f"it does not start: {why}") from None
        except Exception as failed:  # noqa: BLE001 (any failure of its start is the result of the call)
            raise self._failure(f"it does not start: {failed}") from None
        return agent

    def _parent_call(self) -> ParentCall:
        limits, spent, me = self._turn.past.policy.limits, self._turn.past.spent, self._caller
        tokens = _rest(limits.tokens, spent.all_tokens)
        cost = _rest(limits.cost, spent.all_cost)
        above, again, call_id = me.config.parent, self._seen is not None, self._worker.job.call.id
        path = (*(() if above is None else above.path), call_id)
        root = (me.config.id, self._turn.stream_id) if above is None else (above.root_session, above.root_stream)
        budgets = tuple(each for each in me.config.charging.budgets if each.of in (BudgetOf.TURN, BudgetOf.SESSION))
        return ParentCall(me.config.id, call_id, me.depth, tokens, cost, again, path, *root, budgets)

    async def _read(self, box: Mailbox) -> StreamComplete | StreamError:
        """Publish the events until the last one. Pieces of a text that arrived together are published as one event."""
        patience_s = None
        while True:
            try:
                received = await box.receive_many(MOST, patience_s)
            except TimeoutError:
                raise self._failure("its process ended") from None
            for event in backlog(each for each in received if not isinstance(each, Down)):
                self._publish(event)
                if isinstance(event, TERMINAL):
                    return event
            if (down := next((each for each in received if isinstance(each, Down)), None)) is not None:
                if down.reason == HANDED_OVER:  # another node continues the turn, which ends here without a result
                    await asyncio.get_running_loop().create_future()
                patience_s = LAST_WORDS_S

    def _result(self, end: StreamComplete | StreamError) -> Any:
        if isinstance(end, StreamComplete):
            response = end.response
            return response.value if response.value is not None else response.answer or response.refusal or ""
        said = f"; its answer until then: {end.content}" if end.content else ""
        raise self._failure(f"{end.reason}{said}")

    def _failure(self, why: str) -> ServerRaised:
        return ServerRaised(f"the agent {self._tool.name} failed: {why}")


def _turn_of(worker: ToolWorker) -> Calling:
    if worker.job.turn is None:
        raise ServerRaised("an agent answers calls of a turn only")
    return worker.job.turn


def _rest(limit: Any, spent: Any) -> Any:
    """Return the rest of a limit; None without a limit. A rest below 1 allows one model call, as at a turn's begin."""
    return None if limit is None or spent is None else max(limit - spent, 0)
