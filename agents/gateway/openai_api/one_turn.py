"""A turn for a request to /v1/: it is cancelled if its client disconnects and nobody else follows it.

A process that was started for the turn ends with it.
"""

from contextlib import suppress
from typing import Any

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from actors import CallFailed, Pid
from agents import agent
from agents.agent_config.request import TurnRequest
from agents.gateway.event_stream import EventStream
from agents.gateway.guard.caller import Caller
from agents.gateway.openai_api.messages import text_of
from agents.gateway.openai_api.tools import check_unused
from agents.gateway.reader import Reader
from agents.gateway.visible import Everything
from agents.instance.waking import Origin
from supervisors import agent_supervisor


class OneTurn(Struct):
    """A turn of one request. agent_: the agent's process. ends: whether the process was started for this turn."""

    agent_: Pid
    reader: Reader
    ends: bool

    async def leave(self) -> None:
        """Stop reading. Cancel the turn if it runs and nobody else follows it."""
        self.reader.close()
        with suppress(CallFailed):
            await agent.cancel(self.agent_, self.reader.stream_id, unfollowed=True)
            if self.ends:  # a kept session remains
                await agent.retire(self.agent_)


class OneTurnStream(EventStream):
    """The answer that sends the turn of one request."""

    def __init__(self, turn: OneTurn, *more: Any) -> None:
        super().__init__(turn.reader, *more)
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._turn.leave()


async def begin_alone(everything: Everything, caller: Caller, model: str, id_: str, request: TurnRequest) -> OneTurn:
    """Begin a turn of a new agent that ends with the turn. id_: of the agent and of the stream. Raises Refusal."""
    everything.gate.check()
    config = {**everything.models.config(model, caller), "id": id_, "owner": caller.user}
    async with everything.quotas.one_more_agent(caller, None, kept=False):
        pid = await agent_supervisor.start_agent(config, Origin.ONCE)
    return await begin_at(pid, id_, request)


async def begin_at(pid: Pid, stream_id: str, request: TurnRequest, *, ends: bool = True) -> OneTurn:
    """Begin a turn of this agent. ends: as in OneTurn, also after an error.

    Raises Refusal if a tool has the name of one of the agent's.
    """
    try:
        if request.tools:
            check_unused(request.tools, (await agent.info(pid)).tools)
        reader = Reader(stream_id)
        reader.ask(pid, text_of(request.messages), request)
    except BaseException:
        if ends:
            with suppress(CallFailed):
                await agent.retire(pid)
        raise
    return OneTurn(pid, reader, ends)
