"""The shell of a turn: carries out the effects of its steps, and feeds what happens back in."""

import asyncio
import random

from agents.agent_config import AgentConfig
from agents.core.conversation import Conversation
from agents.core.deltas import Delta, Failed
from agents.core.retry import Again, RetryPolicy, Tries, next_try
from agents.core.turn import Effect, Phase, RunTool, StartCompletion, Step, Turn, step
from agents.model_call import Deadlines, Route, model_call
from agents.stream import Stream
from agents.tools.executor import Calls


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
        """One model call: publish what it says; the step of its end. Tried again while it has said nothing."""
        config = self._config
        route = Route(config.endpoint, config.model, config.api, config.model_options)
        deadlines = Deadlines(first_byte_s=config.chunk_timeout_s, idle_s=config.chunk_timeout_s)
        policy, tries = RetryPolicy(config.max_retries), Tries()
        latest: Step = turn, ()
        again: Again | None = None

        def sink(deltas: list[Delta]) -> None:
            nonlocal latest, again
            again = None
            if isinstance(deltas[-1], Failed):
                output = latest[0] is not turn or len(deltas) > 1
                again = next_try(policy, tries, deltas[-1].fault, routes=1, output=output)
            if again is None:
                latest = self._fold(latest[0], deltas)

        while True:
            await model_call(route, conversation, sink, tools=_tools(config), deadlines=deadlines, retry=policy)
            if again is None:
                return latest
            tries = again.tries
            await asyncio.sleep(random.uniform(again.at_least_s, again.at_most_s))  # noqa: S311 (no secret)

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


def _tools(config: AgentConfig) -> list[dict[str, object]]:
    return [
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in config.tools.values()
    ]
