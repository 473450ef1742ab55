"""A FastAPI program with an agent, and a page that shows its answers: uvicorn --app-dir examples fastapi_host:app"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Body, FastAPI, Header, HTTPException
from fastapi.responses import FileResponse, StreamingResponse

from actors import Mailbox, Pid
from agents import StreamComplete, StreamError, agent, agent_registry, application
from agents.gateway import frames_without_error
from agents.rehearsal import RehearsalServer, builtin
from supervisors.agent_supervisor import start_agent


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with RehearsalServer(builtin()) as server, application.running():
        # A real model: its name instead of "echo", no endpoint, and OPENAI_API_KEY (OPENAI_BASE_URL) is set.
        await start_agent({"id": "helper", "model": "echo", **server.endpoint})
        yield


app = FastAPI(lifespan=lifespan)
app.get("/")(lambda: FileResponse(Path(__file__).with_name("page.html")))


@app.post("/messages")
async def send(text: Annotated[str, Body()]) -> str:
    if (pid := agent_registry.find_agent("helper")) is None:
        raise HTTPException(503, "the agent is being restarted")
    async with Mailbox():  # the turn goes on without it
        return agent.stream_chat(pid, text)


@app.get("/streams/{stream}")
async def follow(stream: str, last_event_id: Annotated[int, Header()] = 0) -> StreamingResponse:
    if (pid := agent_registry.find_stream(stream)) is None:
        raise HTTPException(404, "no such stream, or one that ended long ago")
    return StreamingResponse(events(pid, stream, last_event_id), media_type="text/event-stream")


async def events(pid: Pid, stream: str, after: int) -> AsyncIterator[bytes]:
    async with Mailbox() as box:
        runs = await agent.follow(pid, stream, after=after)
        while runs:
            yield frames_without_error([event := await box.receive()])
            runs = not isinstance(event, StreamComplete | StreamError)
