"""The doctor's texts for a provider that can't be reached: one for each cause."""

import asyncio
import re
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import pointing_at
from tests.agents.daemon.daemons import daemon
from tests.agents.gateway.certificates import self_signed
from tests.agents.mcp.authorization import guarded
from tests.agents.mcp.conftest import OFFICIAL

pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def answering(answer: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Yield the port of a server that sends this answer to each client and closes."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def test_each_cause_of_an_unreachable_provider_has_its_text(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*await self_signed(tmp_path))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with answering(b"", context) as untrusted, answering(b"HTTP/1.1 200 OK\r\n\r\n") as plain:
            faults = {
                "http://no-such-host.invalid/v1": "unknown host name (DNS)",
                f"https://localhost:{untrusted}/v1": "TLS failed: its certificate is not trusted, or it has no TLS",
                f"https://127.0.0.1:{plain}/v1": "TLS failed: its certificate is not trusted, or it has no TLS",
                f"http://127.0.0.1:{closed.getsockname()[1]}/v1": "no connection: Connection refused",
            }
            answers = await asyncio.gather(*(doctor(server, folder, url) for url in faults))
    for (url, words), (code, out) in zip(faults.items(), answers, strict=True):
        assert code == 1
        assert f"fail  provider: {url}: {words}" in out.splitlines(), out


async def test_a_store_that_another_program_writes_is_a_failure(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    async with daemon(server, folder) as running:
        code, out = await doctor(server, folder, server.base_url)
        assert code == 0
        assert "warn  store: the store is in use by pid" in out
        own = "--set", f"sessions.url=sqlite:///{folder}/sessions.db"
        code, out = await doctor(server, tmp_path / "own", server.base_url, *own)
        assert code == 1
        assert "fail  store: the store is in use by pid" in out
        assert await running.stopped() == 0
    code, out = await doctor(server, folder, server.base_url)
    assert code == 0
    assert f"ok    store: sqlite+aiosqlite:///{folder}/sessions.db: opens, and is empty" in out


async def test_a_store_that_is_not_used_is_not_checked(server: RehearsalServer, folder: Path) -> None:
    unusable = "--set", "sessions.url=postgresql://localhost:1/none"
    assert (await doctor(server, folder, server.base_url, *unusable))[0] == 1
    code, out = await doctor(server, folder, server.base_url, *unusable, "--set", "sessions.durability=off")
    assert code == 0
    assert "ok    store: not used: sessions.durability is off" in out


async def test_a_faulty_configuration_does_not_hide_the_other_obstacles(server: RehearsalServer, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        faulty = "--set", "gateway.prot=1", "--set", "tools.workers=many", "--port", str(port), "--host", "127.0.0.1"
        ended = await understudy("doctor", "--state-dir", str(folder), *faulty, env=pointing_at(server))
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert sum(line.startswith("fail  config: ") for line in lines) == 2
    assert any(line.startswith("fail  port: ") and str(port) in line for line in lines), ended.out
    assert f"ok    provider: {server.base_url}: accepts the key" in lines
    assert f"ok    state directory: {folder}: created at the first start" in lines


async def test_a_name_that_no_agent_has_is_a_warning(server: RehearsalServer, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "sys.config"
    file.write_text('[{understudy, [{agents, [[{id, "writer"}]]}, {gateway, [{default_agent, "writr"}]}]}].')
    code, out = await doctor(server, folder, server.base_url, "--config", str(file))
    assert code == 0
    words = "expected an agent of the configuration, or one that starts later, got 'writr'; did you mean 'writer'?"
    assert f"warn  config: {file}:1:73: gateway.default_agent: {words}" in out.splitlines()


async def test_each_mcp_server_has_a_line(server: RehearsalServer, folder: Path, tmp_path: Path) -> None:
    async with guarded() as (url, _):
        (tmp_path / "sys.config").write_text(f"""[{{agents, [{{mcp, [
            {{"files", [{{command, ["{sys.executable}", "{OFFICIAL}"]}}]}},
            {{"gone", [{{command, ["sh", "-c", "exit 3"]}}]}},
            {{"none", [{{command, ["no-such-program"]}}]}},
            {{"notes", [{{url, "{url}"}}, {{oauth, []}}]}},
            {{"closed", [{{url, "http://127.0.0.1:1/mcp"}}]}}]}}]}}].""")
        code, out = await doctor(server, folder, server.base_url, "--config", str(tmp_path / "sys.config"))
    assert code == 1
    (files, *down) = [line for line in out.splitlines() if "mcp: " in line]
    assert re.fullmatch(r"ok    mcp: files: tests 1\.2, \d+ tools, in \d+\.\d\d s", files)
    tokens = folder / "mcp" / "notes.json"
    assert down == [
        "fail  mcp: gone: it ended: exit code 3",
        "fail  mcp: none: the command does not exist: 'no-such-program'",
        f"fail  mcp: notes: it needs a login, since {tokens} does not exist: understudy mcp login notes",
        "fail  mcp: closed: ConnectError: All connection attempts failed",
    ]


async def test_the_doctor_reads_the_rest_of_an_unreadable_configuration(
    server: RehearsalServer, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    file.write_text("[{")
    flags = "--config", str(file), "--port", "0", "--state-dir", str(tmp_path / "state")
    ended = await understudy("doctor", *flags, env=pointing_at(server))
    assert ended.code == 1
    assert [line for line in ended.out.splitlines() if line.startswith("fail")] == [
        line for line in ended.out.splitlines() if line.startswith("fail  config: ")
    ]
    assert f"ok    provider: {server.base_url}: accepts the key" in ended.out


async def doctor(server: RehearsalServer, folder: Path, url: str, *more: str) -> tuple[int | None, str]:
    flags = ("--set", f"daemon.state_dir={folder}", "--set", "gateway.port=0", *more)
    ended = await understudy("doctor", *flags, env=pointing_at(server) | {"OPENAI_BASE_URL": url})
    assert "rehearsal" not in ended.out.replace(url, "")  # the key
    return ended.code, ended.out
