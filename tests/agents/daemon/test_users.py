"""The users of a daemon that is an OS process: its configuration of them, and its answers to them."""

import json
import signal
from pathlib import Path

import aiohttp
import pytest

from agents.client import Client, Refused
from agents.core.events import StreamComplete
from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import Daemon, daemon, refused

pytestmark = pytest.mark.timeout(180)

ANN, BOB = "ann-" * 12, "bob-" * 12


def config(folder: Path, *tokens: str, more: str = "") -> Path:
    file = folder / "sys.config"
    file.write_text(f"[{{understudy, [{{gateway, [{{tokens, [{', '.join(tokens)}]}}]}}{more}]}}].")
    return file


def token(folder: Path, name: str, secret: str, scopes: str = "read, chat") -> str:
    file = folder / f"{name}.token"
    file.touch(0o600)
    file.write_text(secret + "\n")
    return f'[{{name, {name}}}, {{user, {name}}}, {{scopes, [{scopes}]}}, {{token, {{file, "{file.name}"}}}}]'


async def reloaded(running: Daemon, word: bytes) -> None:
    assert running.process.stderr is not None
    running.signal(signal.SIGHUP)
    while word not in await running.process.stderr.readline():
        pass


async def test_users_come_and_go_by_sighup_and_their_open_connections_are_closed(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    ann, bob = token(tmp_path, "ann", ANN), token(tmp_path, "bob", BOB)
    file = config(tmp_path, ann)
    async with daemon(server, folder, "--config", str(file)) as running:
        async with Client(running.url, ANN) as anns, Client(running.url, BOB) as bobs, aiohttp.ClientSession() as http:
            await anns.post("/agents", {"id": "a", "model": "endless"})
            with pytest.raises(Refused) as unknown:
                await bobs.get("/agents")
            headers = {"authorization": f"Bearer {ANN}"}
            async with http.ws_connect(f"{running.url}/ws", headers=headers) as socket:
                await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "go", "stream_id": "s"})
                while (await socket.receive_json(timeout=60))["type"] != "token":
                    pass
                config(tmp_path, bob)
                await reloaded(running, b"gateway.tokens: applies to requests from now on")
                while not (await socket.receive(timeout=60)).type.name.startswith("CLOS"):
                    pass
                assert socket.close_code == 1008
            assert (await bobs.get("/agents")) == {"agents": []}
            with pytest.raises(Refused) as gone:
                await anns.get("/agents")
            assert unknown.value.status == gone.value.status == 401
        async with running.client() as installs:
            assert (await installs.get("/streams/s"))["status"] == "running"
            await installs.post("/streams/s/cancel")
        assert await running.stopped() == 0


async def test_an_owner_outlives_a_kill(server: RehearsalServer, folder: Path, tmp_path: Path) -> None:
    ann, bob = token(tmp_path, "ann", ANN), token(tmp_path, "bob", BOB)
    file = config(tmp_path, ann, bob, more=', {agents, [[{name, kept}, {model, "echo"}, {owner, bob}]]}')
    async with daemon(server, folder, "--config", str(file)) as first:
        async with Client(first.url, ANN) as anns:
            await anns.post("/agents", {"id": "a", "model": "slow"})
            async for event in anns.ask("a", "go", stream_id="s"):
                if event.seq > 5:
                    break
        first.signal(signal.SIGKILL)
        await first.ended()
    async with daemon(server, folder, "--config", str(file)) as second:
        async with Client(second.url, ANN) as anns, Client(second.url, BOB) as bobs:
            assert [each["id"] for each in (await anns.get("/sessions"))["sessions"]] == ["a"]
            assert [each["id"] for each in (await bobs.get("/sessions"))["sessions"]] == ["kept"]
            with pytest.raises(Refused, match="got 's'"):
                await anext(bobs.events("s"))
            assert (await anns.get("/streams/s"))["agent_id"] in ("a", None)
            assert isinstance([event async for event in anns.events("s")][-1], StreamComplete)
        assert await second.stopped() == 0


async def test_commands_accept_a_users_token(server: RehearsalServer, folder: Path, tmp_path: Path) -> None:
    file = config(tmp_path, token(tmp_path, "ann", ANN, "read"))
    async with daemon(server, folder, "--config", str(file)) as running:
        async with running.client() as installs:
            await installs.post("/agents", {"id": "a", "model": "echo", "owner": "ann"})
            await installs.post("/agents", {"id": "n", "model": "echo"})
        anns = ("--url", running.url, "--token-file", str(tmp_path / "ann.token"))
        code, out, _ = await understudy("ps", *anns)
        assert code == 0
        assert [line.split()[0] for line in out.splitlines()[1:]] == ["a"]
        for command in (("stop", "a"), ("tree",), ("stop-daemon",), ("reload",), ("chat", "hi")):
            code, out, err = await understudy(*command, *anns)
            assert (code, out, err.count("\n")) == (3, "", 1)
            assert "expected a token with the scope" in err
        assert await running.stopped() == 0


async def test_chat_accepts_a_users_token(server: RehearsalServer, folder: Path, tmp_path: Path) -> None:
    file = config(tmp_path, token(tmp_path, "ann", ANN))
    async with daemon(server, folder, "--config", str(file)) as running:
        anns = ("--url", running.url, "--token-file", str(tmp_path / "ann.token"))
        code, out, _ = await understudy("chat", "Hello.", *anns, "--model", "echo")
        assert (code, out) == (0, "Hello.\n")
        async with Client(running.url, ANN) as client:
            assert len((await client.get("/sessions"))["sessions"]) == 1
        missing = await understudy("chat", "Hello.", "--url", running.url, "--token-file", str(tmp_path / "none"))
        assert missing[:2] == (2, "")
        assert "expected the daemon's token in" in missing[2]
        assert await running.stopped() == 0


async def test_a_token_is_in_no_log_no_file_of_the_daemons_and_no_process(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = config(tmp_path, token(tmp_path, "ann", ANN, "read"), more=", {logging, [{level, debug}]}")
    async with daemon(server, folder, "--config", str(file), UNDERSTUDY_LOGGING__FORMAT="json") as running:
        async with Client(running.url, ANN) as anns:
            assert ANN not in str(await anns.get("/agents", token=ANN))
            with pytest.raises(Refused) as forbidden:
                await anns.get("/config")
            assert ANN not in str(forbidden.value)
        async with running.client() as installs:
            assert ANN not in str(await installs.get("/config"))
        pids = {pid for pid, _ in running.identities}
        for each in pids:
            for kind in ("cmdline", "environ"):
                assert ANN.encode() not in Path(f"/proc/{each}/{kind}").read_bytes()
        config(tmp_path, token(tmp_path, "ann", BOB, "read"))
        async with running.client() as installs:
            assert ANN not in str(await installs.post("/reload"))
        assert await running.stopped() == 0
        assert ANN not in await running.log_output()
    for path in folder.iterdir():
        assert ANN.encode() not in path.read_bytes(), path


async def test_the_log_names_each_refused_user_and_the_user_who_stopped_the_daemon(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = config(tmp_path, token(tmp_path, "ann", ANN, "read"), token(tmp_path, "bob", BOB, "admin"))
    async with daemon(server, folder, "--config", str(file), UNDERSTUDY_LOGGING__FORMAT="json") as running:
        async with Client(running.url, ANN) as anns, Client(running.url, BOB) as bobs:
            with pytest.raises(Refused, match="expected a token with the scope admin"):
                await anns.get("/config")
            await bobs.post("/stop")
        assert await running.ended() == 0
        events = [json.loads(line) for line in (await running.log_output()).splitlines()]
    forbidden, stopped = (
        next(event for event in events if event["event"] == name) for name in ("request_forbidden", "stop_requested")
    )
    assert (forbidden["user"], forbidden["asked"], forbidden["missing"]) == ("ann", "GET /config", "admin")
    assert (stopped["caller"], stopped["user"]) == ("bob", "bob")


async def test_a_users_token_equal_to_the_daemons_is_refused_at_the_start_and_by_a_reload(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    folder.mkdir(0o700)
    (folder / "token").touch(0o600)
    (folder / "token").write_text(ANN)
    file = config(tmp_path, token(tmp_path, "ann", ANN))
    code, err = await refused(server, folder, "--port", "0", "--config", str(file))
    fault = "expected a token of its own, got that of the token file"
    assert (code, err) == (2, f"understudy: gateway.tokens[0].token: {fault}\n")
    config(tmp_path)
    async with daemon(server, folder, "--config", str(file)) as running:
        config(tmp_path, token(tmp_path, "ann", ANN))
        code, out, _ = await understudy("reload", "--state-dir", str(folder))
        assert (code, out) == (1, f"rejected: gateway.tokens[0].token: {fault}\n")
        assert await running.stopped() == 0


async def test_invalid_hosts_are_reported_in_one_line_at_the_start(server: RehearsalServer, folder: Path) -> None:
    code, err = await refused(server, folder, "--port", "0", "--set", 'gateway.allowed_hosts=["a/b"]')
    assert (code, err) == (2, "understudy: gateway.allowed_hosts[0]: expected a host, got 'a/b'\n")
