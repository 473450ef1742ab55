"""The command `understudy record`."""

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import click

from agents.rehearsal.errors import CannotListen
from agents.rehearsal.record.proxy import HOST, RecordingProxy
from agents.rehearsal.whole_number import WholeNumber

WRONG_USE = 2
ENDING = (signal.SIGINT, signal.SIGTERM)


@click.command()
@click.option("--upstream", required=True, metavar="URL", help="The base URL of the provider, usually ending in /v1.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The file for the script, written after each answer. Default: print the script at the end.",
)
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=0,
    show_default=True,
    help="The port to listen on, on loopback; 0 chooses a free one.",
)
@click.option("--without-delays", is_flag=True, help="Leave out the delays of the answers, so that a test is quick.")
def record(upstream: str, out: Path | None, port: int, without_delays: bool) -> None:
    """Record the answers of a provider as a script for the rehearsal server.

    Give your agents the printed address as their base URL, and their usual key. Keys are not written, and secrets,
    e-mail addresses and phone numbers become placeholders. Read the script before you share it.
    """
    if not _is_address(upstream):
        _refuse("--upstream: expected an address that begins with http:// or https://")
    if out is not None:
        _reserve(out)
    try:
        asyncio.run(_serve(upstream, out, port, paced=not without_delays))
    except CannotListen as exc:
        _refuse(f"cannot listen on {HOST}:{port}: {exc.why}")


async def _serve(upstream: str, out: Path | None, port: int, *, paced: bool) -> None:
    """Serve until SIGINT or SIGTERM."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def write() -> None:
        if out is not None and (script := proxy.record.script()) is not None:
            _replace(out, script)

    proxy = RecordingProxy(upstream, write, port, paced=paced)
    async with proxy:
        for number in ENDING:
            loop.add_signal_handler(number, stopped.set)
        click.echo(f"recording proxy on {proxy.base_url}", err=out is None)
        await stopped.wait()
    write()
    if out is None:
        click.echo(proxy.record.script() or "# nothing was recorded", nl=False)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _reserve(out: Path) -> None:
    """Make the file, which only its owner may read. An existing one is not replaced."""
    try:
        os.close(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        _refuse(f"--out: expected a new file, got {out}, which exists")
    except OSError as error:
        _refuse(f"--out: cannot write {out}: {error.strerror}")


def _replace(out: Path, script: str) -> None:
    new = out.with_name(f"{out.name}.new")
    with open(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(script)
    new.replace(out)


def _refuse(line: str) -> None:
    click.echo(line, err=True)
    raise SystemExit(WRONG_USE)
