"""Two actors of a host application get an agent's events: a plain Thespian Actor, and a GenServer that asks."""

import asyncio

from thespian.actors import Actor, ActorAddress

from actors import Caller, GenServer, NoReply, Pid, call, create_actor, reply, start
from agents import Event, StreamComplete, StreamError, StreamToken, agent, application, start_agent
from agents.rehearsal import RehearsalServer, builtin

Waiting = dict[str, Caller]  # stream_id -> who called


class Screen(Actor):
    """A screen that shows the agent's answers to every question."""

    def receiveMessage(self, message: Event, sender: ActorAddress) -> None:
        if isinstance(message, StreamToken):
            print(f"[{message.token}]", end="", flush=True)


class Desk(GenServer[Waiting]):
    """A desk that passes questions to agents and answers each with the terminal event of its stream."""

    def init(self) -> Waiting:
        return {}

    def handle_call(self, request: tuple[Pid, str], caller: Caller, waiting: Waiting) -> NoReply[Waiting]:
        stream_id = agent.stream_chat(*request)  # the events come to this process
        return NoReply({**waiting, stream_id: caller})

    def handle_info(self, event: Event, waiting: Waiting) -> NoReply[Waiting]:
        if isinstance(event, StreamComplete | StreamError):
            reply(waiting[event.stream_id], event)
            waiting = {id_: caller for id_, caller in waiting.items() if id_ != event.stream_id}
        return NoReply(waiting)


async def main() -> None:
    async with RehearsalServer(builtin()) as server, application.running():
        # A real model: its name instead of "echo", no endpoint, and OPENAI_API_KEY (OPENAI_BASE_URL) is set.
        pid = await start_agent(model="echo", **server.endpoint)
        agent.subscribe(pid, create_actor(Screen))
        answer = await call(await start(Desk), (pid, "Where do I find the ice?"))
        print("\nThe desk:", answer.response.content)


asyncio.run(main())
