"""Reasons why a daemon does not start: one line each, exit code 2, and no process left."""

import asyncio
import os
import socket
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer
from tests.agents.daemon.daemons import begun, daemon, refused

pytestmark = pytest.mark.timeout(180)


async def test_a_folder_has_one_daemon(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running:
        code, err = await refused(server, folder, "--port", "0")
        assert (code, err) == (
            2,
            f"understudy: a daemon runs already with the state directory {folder}: pid {running.process.pid}\n",
        )
        async with running.client() as client:
            assert await client.get("/readyz") == {"status": "ready"}
        assert await running.stopped() == 0


async def test_a_port_in_use_is_reported(server: RehearsalServer, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, err = await refused(server, folder, "--port", str(port))
    assert code == 2
    assert err == f"understudy: another program listens on 127.0.0.1 port {port}: end it, or set gateway.port\n"
    assert not (folder / "lock").exists()


async def test_a_store_has_one_daemon(server: RehearsalServer, folder: Path, tmp_path: Path) -> None:
    async with daemon(server, folder) as running:
        url = f"sqlite:///{folder}/sessions.db"
        code, err = await refused(server, tmp_path / "other", "--port", "0", "--set", f"sessions.url={url}")
        assert code == 2
        line = f"understudy: the store is in use by pid {running.process.pid}: end that process, or set sessions.url\n"
        assert err == line
        assert await running.stopped() == 0
    assert not (tmp_path / "other" / "lock").exists()


async def test_a_store_that_cannot_be_read_is_one_line(server: RehearsalServer, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "sessions.db").write_bytes(b"no database at all" * 100)
    code, err = await refused(server, folder, "--port", "0")
    assert code == 2
    assert err.startswith(f"understudy: the store at sqlite+aiosqlite:///{folder}/sessions.db can't be used: ")
    assert err.count("\n") == 1


async def test_a_database_that_does_not_answer_is_an_outage(server: RehearsalServer, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, err = await refused(
        server, folder, "--port", "0", "--set", f"sessions.url=postgresql://127.0.0.1:{port}/none"
    )
    assert code == 4
    assert err.startswith(f"understudy: the store at postgresql+asyncpg://127.0.0.1:{port}/none can't be used: ")
    assert err.count("\n") == 1


async def test_only_one_of_several_daemons_started_at_once_with_one_folder_runs(
    server: RehearsalServer, folder: Path
) -> None:
    processes = [await begun(server, folder, "--port", "0") for _ in range(3)]
    alive: list[Process] = []
    try:
        async with asyncio.timeout(60):
            for process in processes:
                assert process.stdout is not None
                if await process.stdout.readline():
                    alive.append(process)
                else:
                    err = (await process.communicate())[1].decode()
                    assert process.returncode == 2
                    assert err.splitlines()[-1].startswith("understudy: a daemon runs already")
            (only,) = alive
            only.terminate()
            await only.communicate()
        assert only.returncode == 0
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()


WRONG = {
    "missing.config": (None, "no such file"),
    "syntax.config": ("[{understudy, [}].", ":1:"),
    "key.config": ("[{understudy, [{gatewy, []}]}].", "gateway"),
    "type.config": ('[{understudy, [{gateway, [{port, "x"}]}]}].', "gateway.port"),
    "include.config": ('[{understudy, []}, "nothing"].', "nothing"),
    "cycle.config": ('[{understudy, []}, "cycle"].', "cycle"),
    "secret.config": ('[{agents, [{api_key, {file, "secret"}}]}].', "0644"),
}


async def test_an_invalid_configuration_is_reported_in_one_line_and_starts_nothing(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("sk-secret")
    (tmp_path / "secret").chmod(0o644)
    for name, (text, word) in WRONG.items():
        file = tmp_path / name
        if text is not None:
            file.write_text(text)
        code, err = await refused(server, folder, "--config", str(file))
        assert (code, err.count("\n")) == (2, 1), err
        assert err.startswith("understudy: ")
        assert word in err.lower()
        assert "sk-" not in err
        assert not folder.exists()


async def test_every_fault_of_a_configuration_is_one_line(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    file.write_text("[{understudy, [{gateway, [{port, high}, {prot, 1}]}]}].")
    code, err = await refused(server, folder, "--config", str(file))
    lines = err.splitlines()
    assert code == 2
    assert len(lines) == 2
    assert all(line.startswith(f"understudy: {file}:1:") for line in lines)
    assert not folder.exists()


async def test_a_folder_that_others_may_read_is_refused(server: RehearsalServer, folder: Path) -> None:
    folder.mkdir(mode=0o755)
    code, err = await refused(server, folder, "--port", "0")
    assert code == 2
    assert err == f"understudy: expected mode 0700 of the state directory {folder}, got 0755: chmod 700 it\n"


async def test_a_folder_that_cannot_be_created_is_refused(server: RehearsalServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, err = await refused(server, tmp_path / "file" / "state", "--port", "0")
    assert code == 2
    assert "state directory" in err
    assert err.count("\n") == 1


async def test_a_token_that_others_may_read_is_refused(server: RehearsalServer, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "token").write_text("t" * 43)
    os.chmod(folder / "token", 0o644)
    code, err = await refused(server, folder, "--port", "0")
    assert code == 2
    assert err.startswith(f"understudy: {folder}/token: expected mode 0600")
    assert err.count("\n") == 1


async def test_an_address_that_is_not_loopback_needs_more_than_a_flag_of_the_host(
    server: RehearsalServer, folder: Path
) -> None:
    code, err = await refused(server, folder, "--host", "0.0.0.0", "--port", "0")
    assert code == 2
    assert "allow_remote" in err
    assert err.count("\n") == 1


async def test_an_agent_that_cannot_be_started_is_reported(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    file.write_text('[{understudy, [{agents, [[{id, "writer"}, {model, "echo"}, {tools, ["no_such_tool"]}]]}]}].')
    code, err = await refused(server, folder, "--port", "0", "--config", str(file))
    assert code == 2
    assert "no_such_tool" in err
    assert err.count("\n") == 1
