"""nginx and Caddy as OS processes, with the files of deploy/ on a port of loopback."""

import asyncio
import os
import re
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.agents.gateway.certificates import Signed
from tests.waiting import eventually, listening

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "agents.example.org"
START_S = 30.0

MAIN = """
{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {site};
}}
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def replaced(text: str, old: str, new: str) -> str:
    """Return the text with a part replaced, which it has once."""
    assert text.count(old) == 1, f"expected {old!r} once"
    return text.replace(old, new)


@asynccontextmanager
async def nginx(folder: Path, gateway_port: int, signed: Signed) -> AsyncIterator[int]:
    """Run nginx with deploy/nginx.conf; yield its port. Only addresses and files differ."""
    port, site = free_port(), folder / "site.conf"
    text = replaced((DEPLOY / "nginx.conf").read_text(), "listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = replaced(text, "server 127.0.0.1:8765;", f"server 127.0.0.1:{gateway_port};")
    text = re.sub(r"ssl_certificate .*;", f"ssl_certificate {signed.certificate};", text)
    text = re.sub(r"ssl_certificate_key .*;", f"ssl_certificate_key {signed.key};", text)
    site.write_text(text)
    (folder / "nginx.conf").write_text(MAIN.format(site=site, user="user root;" if os.getuid() == 0 else ""))
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    async with _running(command, port) as running:
        yield running


@asynccontextmanager
async def caddy(folder: Path, gateway_port: int, signed: Signed) -> AsyncIterator[int]:
    """Run Caddy with deploy/Caddyfile; yield its port. Only addresses and files differ."""
    port, file = free_port(), folder / "Caddyfile"
    text = replaced((DEPLOY / "Caddyfile").read_text(), f"\n{HOST} {{\n", f"\nhttps://{HOST}:{port} {{\n\ttls CERTS\n")
    text = replaced(text, "tls CERTS", f"bind 127.0.0.1\n\ttls {signed.certificate} {signed.key}")
    text = replaced(text, "understudy:8765", f"127.0.0.1:{gateway_port}")
    file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
    command = ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]
    async with _running(command, port, XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder)) as running:
        yield running


@asynccontextmanager
async def _running(command: list[str], port: int, **env: str) -> AsyncIterator[int]:
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stderr=PIPE, env={**path, **env})
    try:
        await _listens(process, port)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _listens(process: Process, port: int) -> None:
    async def listens_or_ended() -> bool:
        return process.returncode is not None or await listening(port)

    await eventually(listens_or_ended, what="a proxy that listens", within_s=START_S)
    if process.returncode is not None:
        raise AssertionError((await process.communicate())[1].decode())
