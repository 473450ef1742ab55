"""The commands that ask a daemon, as OS processes, and their texts for refusals."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents.client import Client, NoDaemon, Refused
from agents.core.conversation import AssistantMessage
from agents.core.events import StreamComplete, StreamError, StreamToken
from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import environment, pointing_at
from tests.agents.daemon.daemons import daemon

pytestmark = pytest.mark.timeout(180)


async def test_commands_find_the_daemon_and_do_their_work(server: RehearsalServer, folder: Path) -> None:
    here = ("--state-dir", str(folder))
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "endless"})
        begun = asyncio.Event()

        async def read() -> object:
            async for event in client.ask("a", "go", stream_id="s"):
                if isinstance(event, StreamToken):
                    begun.set()
            return event

        reading = asyncio.create_task(read())
        await begun.wait()
        code, out, _ = await understudy("ps", *here)
        assert code == 0
        assert out.splitlines()[1].split()[:6] == ["a", "agent", "endless", "0", "s", "running"]
        code, out, _ = await understudy("tree", *here)
        assert "agent_supervisor" in out
        code, out, _ = await understudy("top", *here, "--by", "mailbox")
        assert "agent:a" in out
        assert await understudy("cancel", "s", *here) == (0, "cancelled\n", "")
        assert isinstance(await reading, StreamError)
        assert await understudy("cancel", "s", *here) == (0, "the turn is over\n", "")
        code, _, err = await understudy("steer", "s", "faster", *here)
        assert (code, err.count("\n")) == (3, 1)
        assert await understudy("stop", "a", *here) == (0, "stopped\n", "")
        code, out, _ = await understudy("chat", "Hello.", "--url", running.url, *here, "--model", "echo")
        assert (code, out) == (0, "Hello.\n")
        code, out, _ = await understudy("chat", "Hello again.", *here, "--model", "echo")
        assert (code, out) == (0, "Hello again.\n")
        assert (await client.get("/agents"))["agents"] == []
        assert (await understudy("stop-daemon", *here))[0] == 0
        assert await running.ended() == 0


async def test_chat_with_a_running_agent_leaves_it_running(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "echo"})
        for message in ("One.", "Two."):
            printed = await understudy("chat", message, "--agent", "a", "--state-dir", str(folder))
            assert printed[:2] == (0, f"{message}\n")
        assert (await client.get("/agents/a"))["messages"] == 4
        assert await running.stopped() == 0


async def test_sessions_come_from_a_running_daemon_else_from_its_store(server: RehearsalServer, folder: Path) -> None:
    here = ("--state-dir", str(folder))
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "echo", "name": "Anna"})
        assert [event async for event in client.ask("a", "Hello there.", stream_id="s")]
        there = ("--url", running.url, "--token-file", str(folder / "token"))
        for place in (here, there):
            code, out, _ = await understudy("sessions", "list", *place)
            cells = out.splitlines()[1].split()
            assert (code, cells[0], cells[3:]) == (0, "a", ["2", "runs", "-", "Anna"])
        assert await understudy("sessions", *there, "rename", "a", "Greetings") == (0, "renamed\n", "")
        shown = (await understudy("sessions", "show", "a", *here))[1]
        assert shown.splitlines()[0].endswith("Greetings  runs")
        assert "\n\nuser: Hello there.\n\nassistant: Hello there.\n\nstream s  " in shown
        assert await understudy("sessions", "fork", "a", "--as", "b", "--stream", "s", "--seq", "2", *here) == (
            0,
            "b\n",
            "",
        )
        answer = (await client.session("b")).conversation[-1]
        assert isinstance(answer, AssistantMessage)
        assert (answer.content, answer.partial) == ("Hello", True)
        code, lines, _ = await understudy("sessions", "export", "a", *here)
        assert [json.loads(line)["type"] for line in lines.splitlines()][:4] == [
            "session",
            "message",
            "message",
            "stream",
        ]
        code, _, err = await understudy(
            "sessions", "delete", "a", "--yes", "--store", f"sqlite:///{folder}/sessions.db"
        )
        assert (code, err.count("\n")) == (3, 1)
        assert f"in use by pid {running.process.pid}" in err
        assert await understudy("sessions", "delete", "a", "--yes", *here) == (0, "deleted\n", "")
        assert (await client.get("/agents"))["agents"] == []
        assert [each.id for each in await client.sessions()] == ["b"]
        assert await running.stopped() == 0
    code, out, _ = await understudy("sessions", "list", *here)
    cells = out.splitlines()[1].split()
    assert (code, cells[0], cells[3:]) == (0, "b", ["2", "sleeps", "-", "Greetings"])
    assert await understudy("sessions", "delete", "b", "--yes", *here) == (0, "deleted\n", "")


async def test_the_files_of_a_killed_daemon_are_not_a_daemon(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "echo"})
        running.signal(signal.SIGKILL)
        await running.ended()
    assert (folder / "daemon.json").exists()
    assert (await understudy("sessions", "list", "--state-dir", str(folder)))[1].splitlines()[1].split()[0] == "a"
    assert await understudy("sessions", "delete", "a", "--yes", "--state-dir", str(folder)) == (0, "deleted\n", "")


async def test_no_program_gets_the_token_of_a_killed_daemon(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running:
        running.signal(signal.SIGKILL)
        await running.ended()
    heard: list[bytes] = []

    async def another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.close()

    port = int(running.url.rpartition(":")[2])
    async with await asyncio.start_server(another, "127.0.0.1", port):
        code, out, err = await understudy("ps", "--state-dir", str(folder))
    assert (code, out, heard) == (4, "", [])
    assert err.startswith(f"understudy: expected a daemon with the state directory {folder}, found none")


async def test_commands_find_the_daemon_of_the_configuration(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    file.write_text(f'[{{understudy, [{{daemon, [{{state_dir, "{folder}"}}]}}]}}].')
    env = environment(UNDERSTUDY_CONFIG=str(file), XDG_STATE_HOME=str(tmp_path / "none"))
    assert (await understudy("ps", env=env)).err.startswith(
        f"understudy: expected a daemon with the state directory {folder}"
    )
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "echo"})
        assert (await understudy("ps", env=env)).out.splitlines()[1].split()[0] == "a"
        assert (await understudy("sessions", "list", env=env)).out.splitlines()[1].split()[0] == "a"
        assert await running.stopped() == 0


async def test_a_refusal_of_the_daemon_is_one_line_and_exit_code_3(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("w" * 43)
    here = ("--state-dir", str(folder))
    printed = await understudy("ps", *here)
    assert printed == (
        4,
        "",
        f"understudy: expected a daemon with the state directory {folder}, found none: start one: understudy serve\n",
    )
    async with daemon(server, folder) as running:
        for arguments in (
            ("tail", "nope", *here),
            ("tail", "../agents", *here),
            ("stop", "nope", *here),
            ("cancel", "nope", *here),
            ("approve", "nope", "call", *here),
            ("chat", "x", "--agent", "nope", *here),
            ("sessions", "show", "nope", *here),
            ("sessions", "rename", "nope", "x", *here),
            ("sessions", "delete", "nope", "--yes", *here),
            ("sessions", "export", "nope", *here),
            ("sessions", "fork", "nope", *here),
            ("sessions", "list", "--after", "nope", *here),
            ("sessions", "list", "--url", running.url, "--token-file", str(wrong)),
            ("sessions", "list", "--url", "http://127.0.0.1:1", *here),
            ("ps", "--url", running.url, "--token-file", str(wrong)),
            ("ps", "--url", "http://127.0.0.1:1", *here),
            ("ps", "--url", running.url, "--token-file", str(tmp_path / "none")),
        ):
            code, out, err = await understudy(*arguments)
            expected = {"http://127.0.0.1:1": 4, str(tmp_path / "none"): 2}
            assert code == next((expected[each] for each in arguments if each in expected), 3), (arguments, err)
            assert (out, err.count("\n")) == ("", 1), (arguments, err)
            assert err.startswith("understudy: ")
        assert await running.stopped() == 0


async def test_the_metrics_cover_turns_tools_and_processes(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "rehearsal", "tools": ["calculator"]})
        await client.post("/agents", {"id": "b", "model": "fault-server_error", "streaming_config": {"max_retries": 0}})
        for agent_id, end in (("a", StreamComplete), ("b", StreamError)):
            *_, last = [event async for event in client.ask(agent_id, "go")]
            assert isinstance(last, end)
        token = {"Authorization": f"Bearer {running.token}"}
        async with aiohttp.request("GET", f"{running.url}/metrics", headers=token) as answer:
            figure = figures(await answer.text())
        assert figure("turns_total", outcome="complete") == 1
        assert figure("turns_total", outcome="api_error") == 1
        assert figure("tool_calls_total", tool="calculator", outcome="complete") == 1
        assert figure("tool_calls_total", tool="web_search", outcome="unknown_tool") == 1
        assert figure("tool_seconds_count", tool="calculator") == 1
        assert figure("first_token_seconds_count") == 1
        assert figure("turn_seconds_count") == 2
        assert figure("tokens_total", kind="output") > 0
        assert figure("agents") == 2
        assert figure("turns_running") == 0
        assert figure("sessions") == 2
        assert figure("journal_waiting_events") == 0
        assert figure("journal_waiting_seconds") == 0
        assert figure("restarts_total", supervisor="understudy", child="journal") == 0
        assert figure("breakers", provider=server.base_url, state="closed") == 1
        assert await running.stopped() == 0


def figures(text: str) -> Callable[..., float]:
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return lambda name, **labels: samples[(f"understudy_{name}", *sorted(labels.items()))]


async def test_the_doctor_finds_each_obstacle_to_a_start(server: RehearsalServer, folder: Path) -> None:
    env = pointing_at(server)
    flags = ("--set", f"daemon.state_dir={folder}", "--set", "gateway.port=0")
    well = await understudy("doctor", *flags, env=env)
    assert well.code == 0, well.out
    assert f"provider: {server.base_url}: accepts the key" in well.out
    assert all(line.startswith(("ok", "warn")) for line in well.out.splitlines())
    ill = await understudy("doctor", *flags, env=env | {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})
    assert ill.code == 1
    assert "fail  provider: http://127.0.0.1:1/v1: no connection" in ill.out
    bad = await understudy("doctor", *flags, "--set", "gateway.prot=1", env=env)
    assert bad.code == 1
    assert "fail  config" in bad.out
    async with daemon(server, folder) as running:
        beside = await understudy("doctor", *flags, env=env)
        assert beside.code == 0
        assert "warn  lock: a daemon runs already" in beside.out
        there = await understudy("doctor", "--url", running.url, "--token-file", str(folder / "token"))
        assert (there[0], there[1].splitlines()[-1]) == (0, "ok    turns: new turns are accepted")
        assert await running.stopped() == 0


async def test_a_program_finds_the_daemon_as_a_command_does(server: RehearsalServer, folder: Path) -> None:
    with pytest.raises(NoDaemon):
        Client.found(folder)
    async with daemon(server, folder) as running:
        async with Client.found(folder) as client:
            await client.post("/agents", {"id": "a", "model": "echo"})
            events = [event async for event in client.ask("a", "Hello.", stream_id="s")]
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            again = [event async for event in client.events("s")]
            assert again[-1] == events[-1]
            assert [event async for event in client.events("s", after=events[-1].seq)] == []
            with pytest.raises(Refused):
                await client.get("/streams/none")
        assert await running.stopped() == 0
