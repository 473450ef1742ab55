"""Blocking code: Thespian's ActorSystem on a thread of its own, and an actor that passes an agent's words on."""

from collections.abc import Iterator

from thespian.actors import Actor, ActorAddress, ActorSystem

from actors import AsyncioSystemBase, Pid
from agents import StreamComplete, StreamError, StreamToken, agent, application, start_agent
from agents.rehearsal import RehearsalServer, builtin


class Interpreter(Actor):
    """An actor that gets (agent, question), and sends the asker each token of the answer, then None."""

    def receiveMessage(self, message: object, sender: ActorAddress) -> None:
        match message:
            case (Pid() as pid, str(question)):
                self.asker = sender
                agent.stream_chat(pid, question)  # the events come to this actor
            case StreamToken(token):
                self.send(self.asker, token)
            case StreamComplete() | StreamError():
                self.send(self.asker, None)


def words(system: ActorSystem, pid: Pid, question: str) -> Iterator[str]:
    """The tokens of the answer, as they come."""
    token = system.ask(system.createActor(Interpreter), (pid, question), timeout=10)
    while token is not None:
        yield token
        token = system.listen(timeout=10)


def main() -> None:
    with RehearsalServer(builtin()) as server, AsyncioSystemBase() as base:
        base.run(application.start())
        # A real model: its name instead of "echo", no endpoint, and OPENAI_API_KEY (OPENAI_BASE_URL) is set.
        pid = base.run(start_agent(model="echo", **server.endpoint))
        for word in words(ActorSystem(systemBase=base), pid, "No await was used in the making of this answer."):
            print(word, end="", flush=True)
        print()


main()
