"""Messages and answers with a mistake."""

from typing import assert_never

import pydantic

from agents import Event, Pid, Response, StreamComplete, StreamError, StreamFailed, StreamToken, agent


class City(pydantic.BaseModel):
    name: str


async def main(pid: Pid, response: Response) -> None:
    await agent.chat(pid, 5)  # wrong: not a str
    await agent.chat(pid, response)  # wrong: its text is response.content
    await agent.chat(pid, "Paris?", answer_type="City")  # wrong: not a type
    await agent.chat(pid, "Paris?", answer=City)  # wrong: no such parameter
    city = await agent.chat(pid, "Paris?", answer_type=City)
    city.value.people  # wrong: no such field
    name: int = city.value.name  # wrong: not an int
    print(name, response.text)  # wrong: no such field
    agent.subscribe(pid, print)  # wrong: not a process
    try:
        await agent.chat(pid, "Hello.")
    except StreamFailed as failed:
        print(failed.reason)  # wrong: it is failed.fault


def shown(event: Event) -> str:
    match event:
        case StreamToken(token):
            return token
        case StreamComplete() | StreamError():
            return "end"
    assert_never(event)  # wrong: most events are forgotten
