"""The shell of a turn: carries out the effects of its steps, and feeds what happens back in."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

from agents.agent_config import AgentConfig
from agents.core.conversation import Conversation
from agents.core.deltas import Delta
from agents.core.errors import ApiError
from agents.core.turn import Effect, Phase, RunTool, StartCompletion, Step, Turn, step
from agents.llm.chat import ChatReader
from agents.llm.chat import request as chat_request
from agents.llm.clients import open_client
from agents.llm.endpoint import Api, MissingKey, ProviderFailed
from agents.llm.reader import StreamReader
from agents.llm.responses import ResponsesReader
from agents.llm.responses import request as responses_request
from agents.stream import Stream
from agents.tools.executor import Calls

TRAILER_S = 1.0  # a provider may send usage after its finish, or nothing more at all
DRAIN_S = 0.05  # how long an answer's end may take to arrive, so that its connection can be used again


class TurnShell:
    """stream: where each new value of the turn is kept, and published. calls: what runs the tools."""

    def __init__(self, stream: Stream, config: AgentConfig, calls: Calls) -> None:
        self._stream, self._config, self._calls = stream, config, calls
        self._loop = asyncio.get_running_loop()

    async def run(self, begun: Step) -> Turn:
        """Go on until the turn has ended."""
        turn, effects = begun
        while True:
            self._stream.turn = turn
            conversation = await self._carry_out(effects)
            if turn.phase is Phase.ENDED:
                return turn
            if conversation is not None:
                turn, effects = await self._complete(turn, conversation)
            else:
                turn, effects = step(turn, await self._calls.next(), self._loop.time())

    async def _carry_out(self, effects: tuple[Effect, ...]) -> Conversation | None:
        """Publish events and start tools; the conversation to be completed, if that was asked for."""
        conversation: Conversation | None = None
        for effect in effects:
            match effect:
                case StartCompletion(conversation):
                    pass
                case RunTool(call):
                    await self._calls.start(call)
                case _:
                    self._stream.publish(effect)
        return conversation

    async def _complete(self, turn: Turn, conversation: Conversation) -> Step:
        """One model call: publish what it says; the step of its end."""
        config = self._config
        reader = _reader(config.api)
        try:
            client = await open_client(config.endpoint)
            body = _body(config, conversation)
            async with client.stream(
                config.api, body, chunk_timeout_s=config.chunk_timeout_s, max_retries=config.max_retries
            ) as chunks:
                async for chunk in chunks:
                    turn, effects = self._fold(turn, reader.feed(chunk))
                    if reader.settled:
                        break
                if not reader.ended:
                    turn, effects = await self._trailer(turn, chunks, reader)
                await _drain(chunks)
        except ProviderFailed as failed:
            if not reader.ended:  # else it broke behind the answer's end
                turn, effects = self._fold(turn, reader.break_off(failed.fault))
        except MissingKey as missing:
            turn, effects = self._fold(turn, reader.break_off(ApiError(401, str(missing), "missing_key")))
        return turn, effects

    def _fold(self, turn: Turn, deltas: list[Delta]) -> Step:
        """Step through deltas and publish, up to the last: the effects of the model call's end are left to run."""
        stream, now_s = self._stream, self._loop.time()
        for delta in deltas:
            turn, effects = step(turn, delta, now_s)
            if turn.phase is not Phase.STREAMING:
                return turn, effects
            stream.turn = turn
            for event in effects:
                stream.publish(event)  # type: ignore[arg-type]  # while the model streams, effects are events alone
        return turn, ()

    async def _trailer(self, turn: Turn, chunks: AsyncIterator[bytes], reader: StreamReader) -> Step:
        """The model has finished: wait a little for usage and the end, which some providers never send."""
        try:
            async with asyncio.timeout(TRAILER_S):
                async for chunk in chunks:
                    turn, effects = self._fold(turn, reader.feed(chunk))
                    if reader.ended:
                        return turn, effects
        except TimeoutError:
            pass
        return self._fold(turn, reader.end())


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass
    except TimeoutError:
        pass


def _reader(api: Api) -> StreamReader:
    return ChatReader(_new_id) if api is Api.CHAT else ResponsesReader(_new_id)


def _new_id() -> str:
    return f"call_{uuid4().hex}"


def _body(config: AgentConfig, conversation: Conversation) -> dict[str, object]:
    request = chat_request if config.api is Api.CHAT else responses_request
    tools = [
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in config.tools.values()
    ]
    return request(conversation, tools, model=config.model, options=config.model_options)
