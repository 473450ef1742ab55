"""Reload: settings that can change do, running turns continue, and every change is reported."""

import signal
from pathlib import Path

import pytest

from agents.client import Client, Refused
from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import Daemon, daemon

pytestmark = pytest.mark.timeout(180)


def config(*agents: str, port: int = 8765, beat: int = 10_000) -> str:
    listed = ", ".join(f'[{{id, "{each}"}}, {{model, "echo"}}]' for each in agents)
    return f"[{{understudy, [{{agents, [{listed}]}}, {{gateway, [{{port, {port}}}, {{heartbeat, {beat}}}]}}]}}]."


async def agents_of(running: Daemon) -> set[str]:
    async with running.client() as client:
        return {agent["id"] for agent in (await client.get("/agents"))["agents"]}


async def test_reload_reports_applied_and_rejected_changes_and_those_that_need_a_restart(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    file.write_text(config("one"))
    async with daemon(server, folder, "--config", str(file), port=0) as running:
        assert await agents_of(running) == {"one"}
        here = ("--state-dir", str(folder))
        assert await understudy("reload", *here) == (0, "nothing has changed\n", "")

        file.write_text(config("one", "two", beat=500))
        code, printed, _ = await understudy("reload", *here)
        assert code == 0
        assert "applied: agents.two: is started" in printed
        assert "applied: gateway.heartbeat: applies to requests from now on" in printed
        assert await agents_of(running) == {"one", "two"}
        async with running.client() as client:
            assert (await client.get("/config"))["gateway"]["heartbeat"] == 500

        file.write_text(config("one", "two", "three", beat=500).replace("heartbeat", "heartbaet"))
        code, printed, _ = await understudy("reload", *here)
        assert code == 1
        assert printed.startswith(f"rejected: gateway.heartbaet: {file}:1:") or "heartbaet" in printed
        assert await agents_of(running) == {"one", "two"}

        file.write_text(config("one") + " x")
        code, printed, _ = await understudy("reload", *here)
        assert code == 1
        assert printed.startswith("rejected: expected nothing after the dot, got an atom (")

        file.write_text(config("one", "two", beat=500).replace("{gateway", "{daemon, [{drain_time, 5}]}, {gateway"))
        code, printed, _ = await understudy("reload", *here)
        assert (code, printed) == (0, "needs restart: daemon.drain_time: needs a restart\n")
        assert await running.stopped() == 0


async def test_the_log_warns_of_an_agent_that_the_configuration_does_not_have(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    file.write_text(config("one", "two").replace("{gateway, [", '{gateway, [{default_agent, "twoo"}, '))
    async with daemon(server, folder, "--config", str(file), port=0) as running:
        assert await agents_of(running) == {"one", "two"}
        file.write_text(file.read_text().replace("twoo", "oone"))
        assert (await understudy("reload", "--state-dir", str(folder)))[0] == 0
        assert await running.stopped() == 0
        warnings = [line for line in (await running.log_output()).splitlines() if "agent_unknown" in line]
    assert len(warnings) == 2
    for warning, (given, meant) in zip(warnings, (("twoo", "two"), ("oone", "one")), strict=True):
        assert "gateway.default_agent: expected an agent of the configuration, or one that starts later" in warning
        assert f"'{given}'" in warning
        assert f"did you mean '{meant}'?" in warning


async def test_a_changed_agent_that_can_not_start_keeps_its_old_settings(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file, here = tmp_path / "sys.config", ("--state-dir", str(folder))
    file.write_text(config("one"))
    async with daemon(server, folder, "--config", str(file), port=0) as running, running.client() as client:
        await client.delete("/agents/one")
        tools = '{model, "echo"}, {tools, [{mcp, "files"}]}'
        servers = '{agents, [{mcp, [{"files", [{command, ["no-such-program"]}]}]}]}'
        file.write_text(config("one").replace('{model, "echo"}', tools).replace("}].", f"}}, {servers}]."))
        code, printed, _ = await understudy("reload", *here)
        assert code == 1
        assert "rejected: agents.one: can't be started: " in printed
        assert [each["id"] for each in (await client.get("/config"))["agents"]] == ["one"]
        assert (await client.get("/config"))["agents"][0].get("tools", []) == []
        assert await running.stopped() == 0


async def test_a_changed_agent_gets_its_settings_after_it_is_stopped(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file, here = tmp_path / "sys.config", ("--state-dir", str(folder))
    file.write_text(config("one", "two"))
    async with daemon(server, folder, "--config", str(file), port=0) as running, running.client() as client:
        async for _ in client.ask("one", "Hello."):
            pass
        file.write_text(config("one", "two").replace('{model, "echo"}', '{model, "echo"}, {tools, [calculator]}'))
        await client.delete("/agents/one")
        code, printed, _ = await understudy("reload", *here)
        assert (code, printed.splitlines()) == (
            0,
            [
                "applied: agents.one: is started with its new settings",
                "needs restart: agents.two: keeps its settings: stop it, then reload again",
            ],
        )
        one, two = [await client.get(f"/agents/{id_}") for id_ in ("one", "two")]
        assert (one["tools"], one["messages"], two["tools"]) == (["calculator"], 2, [])
        assert (await understudy("reload", *here))[1].startswith("needs restart: agents.two: ")
        await client.delete("/agents/two")
        await understudy("reload", *here)
        assert (await client.get("/agents/two"))["tools"] == ["calculator"]
        assert (await understudy("reload", *here))[1] == "nothing has changed\n"
        assert await running.stopped() == 0


async def test_the_gateway_shows_and_enforces_exactly_the_settings_that_were_applied(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file, secret = tmp_path / "sys.config", tmp_path / "ann"
    secret.touch(0o600)
    secret.write_text("a" * 43)
    tokens = f'[[{{name, "ann"}}, {{user, "ann"}}, {{scopes, [chat]}}, {{token, {{file, "{secret}"}}}}]]'

    def configured(*agents: str, timeout: int) -> None:
        text = config(*agents).replace("{port, 8765}", f"{{port, 8765}}, {{tokens, {tokens}}}")
        file.write_text(f"{text[:-2]}, {{agents, [{{streaming, [{{timeout, {timeout}}}]}}]}}].")

    configured("one", timeout=5000)
    async with daemon(server, folder, "--config", str(file), port=0) as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "two", "model": "echo"})
            configured("one", "two", timeout=7000)
            code, printed, _ = await understudy("reload", "--state-dir", str(folder))
            assert (code, "rejected: agents.two: an agent with this id runs" in printed) == (1, True)
            shown = await client.get("/config")
        assert shown["streaming"]["timeout"] == 7000
        assert [each["id"] for each in shown["agents"]] == ["one"]
        async with Client(running.url, "a" * 43) as ann:
            with pytest.raises(Refused, match="expected at most 7000, which is the host's ceiling, got 7001"):
                await ann.post("/agents", {"streaming_config": {"chunk_timeout": 7001}})
        assert await running.stopped() == 0


async def test_sighup_reloads_and_a_faulty_file_changes_nothing(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    file.write_text(config("one"))
    async with daemon(server, folder, "--config", str(file), port=0) as running:
        assert running.process.stderr is not None
        for text, word in ((config("one", "two"), b"is started"), ("[{understudy, [", b"rejected")):
            file.write_text(text)
            running.signal(signal.SIGHUP)
            while word not in await running.process.stderr.readline():
                pass
            assert await agents_of(running) == {"one", "two"}
        assert await running.stopped() == 0
