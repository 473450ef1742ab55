"""Reasons why a daemon does not start: one line each, exit code 2, or 4 for an outage, and no process left."""

import asyncio
import os
import socket
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer
from tests.agents.daemon.daemons import begun, daemon, refused
from tests.small_disk import fill, small_disk

pytestmark = pytest.mark.timeout(180)

SSL_REQUEST = 80877103
"""The code of a message of PostgreSQL's protocol: a question whether the server has TLS."""


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


FATAL = {"28P01": 2, "3D000": 2, "08006": 4, "53300": 4, "57P01": 4, "57P03": 4}


@pytest.mark.parametrize(("state", "expected"), [*FATAL.items(), ("", 4)])
async def test_a_database_that_refuses_is_an_outage_if_it_may_accept_later(
    server: RehearsalServer, folder: Path, state: str, expected: int
) -> None:
    """state: 28P01 is a wrong password, and 3D000 an unknown database. None: the server ends the connection."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while int.from_bytes((await reader.readexactly(8))[4:]) == SSL_REQUEST:
            writer.write(b"N")
        fields = f"SFATAL\0VFATAL\0C{state}\0Mrefused\0\0".encode()
        writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields if state else b"")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as database:
        port = database.sockets[0].getsockname()[1]
        url = f"postgresql://127.0.0.1:{port}/none"
        code, err = await refused(server, folder, "--port", "0", "--set", f"sessions.url={url}")
    assert code == expected, err
    assert err.startswith(f"understudy: the store at postgresql+asyncpg://127.0.0.1:{port}/none can't be used: ")
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


@pytest.mark.parametrize("server_of_tools", ['{url, "http://127.0.0.1:1/mcp"}', '{command, ["no-such-program"]}'])
async def test_a_tool_server_that_is_down_is_an_outage(
    server: RehearsalServer, folder: Path, tmp_path: Path, server_of_tools: str
) -> None:
    file = tmp_path / "sys.config"
    agents = '[[{id, "a"}, {model, "echo"}, {tools, [{mcp, "files"}]}]]'
    file.write_text(
        f'[{{understudy, [{{agents, {agents}}}]}}, {{agents, [{{mcp, [{{"files", [{server_of_tools}]}}]}}]}}].'
    )
    code, err = await refused(server, folder, "--port", "0", "--config", str(file))
    assert code == 4
    assert last(err).startswith("understudy: the MCP server 'files' is down: ")
    assert "Traceback" not in err


@pytest.mark.parametrize("nodes", [(), ("--nodes", "2")], ids=["one daemon", "nodes"])
@pytest.mark.parametrize("name", ["lock", "token", ".daemon.json"])
async def test_a_file_that_cannot_be_written_is_one_line(
    server: RehearsalServer, folder: Path, name: str, nodes: tuple[str, ...]
) -> None:
    folder.mkdir(mode=0o700)
    (folder / name).mkdir()
    code, err = await refused(server, folder, "--port", "0", *nodes)
    assert code == 2
    assert last(err).startswith("understudy: ")
    assert f"{folder}/{name.removeprefix('.')}" in last(err)
    assert "Traceback" not in err
    assert (folder / "lock").exists() == (name == "lock")


@pytest.mark.parametrize("free_pages", range(8))
async def test_a_full_disk_is_one_line(server: RehearsalServer, tmp_path: Path, free_pages: int) -> None:
    with small_disk(tmp_path):
        folder = tmp_path / "state"
        folder.mkdir(mode=0o700)
        fill(tmp_path, free_pages=free_pages)
        code, err = await refused(server, folder, "--port", "0")
        assert code == 2
        assert last(err).startswith("understudy: ")
        assert str(folder) in last(err)
        assert "Traceback" not in err
        assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


async def test_a_host_that_no_host_can_have_is_one_line(server: RehearsalServer, folder: Path) -> None:
    remote = "--port", "0", "--set", "gateway.allow_remote=true"
    code, err = await refused(server, folder, "--host", "é..", *remote)
    assert (code, err) == (2, "understudy: expected the name or the address of a host, got 'é..'\n")


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


def last(err: str) -> str:
    """Return the last line on stderr. Lines of the log may be before it."""
    return err.splitlines()[-1]
