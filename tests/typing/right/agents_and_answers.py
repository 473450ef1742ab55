"""A program with agents: its options, its answers, its events."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, assert_never, assert_type

import pydantic

from actors import AsyncioSystemBase
from agents import (
    AgentOptions,
    Event,
    Pid,
    Response,
    StreamComplete,
    StreamError,
    StreamFailed,
    StreamToken,
    TypedResponse,
    agent,
    application,
    find_agent,
    start_agent,
    stop_agent,
)
from agents.rehearsal import RehearsalServer, builtin


class City(pydantic.BaseModel):
    name: str
    people: int


@dataclasses.dataclass
class River:
    km: float


SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"km": {"type": "number"}}}


async def starts(server: RehearsalServer, read: dict[str, Any]) -> Pid:
    options: AgentOptions = {"model": "echo", "limits": {"cost": 0.5, "time": 1000}}
    await start_agent(options)
    await start_agent(**options)
    await start_agent(**read)
    await start_agent(streaming_config={"max_retries": 0}, fallbacks=[{"model": "another"}], answer_type=City)
    pid = await start_agent(id="ada", when_busy="steer", api_preference="responses", **server.endpoint)
    return assert_type(pid, Pid)


async def answers(pid: Pid) -> str:
    try:
        response = await agent.chat(pid, "Hello.")
    except StreamFailed as failed:
        return failed.content
    assert_type(response, Response)
    city = await agent.chat(pid, "Paris?", answer_type=City)
    assert_type(city, TypedResponse[City])
    assert_type(city.value, City)
    assert_type((await agent.chat(pid, "The Seine?", answer_type=River)).value.km, float)
    assert_type((await agent.chat(pid, "The Seine?", answer_type=SCHEMA)).value, dict[str, Any])
    return city.content + response.content


def shown(event: Event) -> str:
    match event:
        case StreamToken(token):
            return token
        case StreamComplete(response):
            return response.content
        case StreamError(reason):
            return str(reason)
        case _:
            return type(event).__name__


async def ends(pid: Pid) -> None:
    async for event in agent.stream(pid, "Hello."):
        if isinstance(event, StreamComplete | StreamError):
            end: StreamComplete | StreamError = event
            match end:
                case StreamComplete():
                    break
                case StreamError():
                    raise RuntimeError(str(end.reason))
                case _:
                    assert_never(end)
    assert_type(await agent.cancel(pid), bool)
    assert_type(await agent.steer(pid, "And shorter."), bool)
    assert_type(find_agent("ada"), Pid | None)
    await stop_agent(pid)


async def main() -> None:
    async with RehearsalServer(builtin()) as server, application.running():
        pid = await starts(server, {"model": "echo"})
        print(await answers(pid))
        await ends(pid)


def blocking(server: RehearsalServer) -> Iterator[str]:
    with AsyncioSystemBase() as base:
        base.run(application.start())
        pid = base.run(start_agent(model="echo", **server.endpoint))
        assert_type(pid, Pid)
        assert_type(base.run(agent.chat(pid, "Paris?", answer_type=City)).value, City)
        for event in base.iterate(agent.stream(pid, "Hello.")):
            yield shown(event)
