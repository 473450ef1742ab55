"""The command line of the rehearsal server: `understudy rehearse`, `python -m agents.rehearsal`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from agents.rehearsal.errors import CannotListen, ScriptError
from agents.rehearsal.loader import builtin, load
from agents.rehearsal.script import Script
from agents.rehearsal.server import serve
from agents.rehearsal.whole_number import WholeNumber

WRONG_USE = 2


@click.command()
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=0,
    show_default=True,
    help="The port to listen on; 0 chooses a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--script",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A script of the models, in TOML. May be given several times. Default: the built-in script.",
)
@click.option(
    "--api-key-env",
    metavar="NAME",
    help="The environment variable that holds the only API key to accept. Default: accept any key.",
)
def rehearse(port: int, host: str, paths: tuple[Path, ...], api_key_env: str | None) -> None:
    """Serve OpenAI's HTTP API with scripted models, for demos and tests."""
    script, api_key = _script(paths), _api_key(api_key_env)
    try:
        asyncio.run(serve(script, _say, host, port, api_key))
    except CannotListen as exc:
        _refuse(f"cannot listen on {host}:{port}: {exc.why}")


def _script(paths: tuple[Path, ...]) -> Script:
    """Merge the files. A model in a later file replaces one of the same name."""
    if not paths:
        return builtin()
    scripts: list[Script] = []
    faults: list[str] = []
    for path in paths:
        try:
            scripts.append(load(path))
        except ScriptError as exc:
            faults += exc.lines
    if faults:
        _refuse(*faults)
    script, *others = scripts
    for other in others:
        script |= other
    return script


def _api_key(name: str | None) -> str | None:
    if name is None:
        return None
    key = os.environ.get(name)
    if not key:
        _refuse(f"--api-key-env: the environment variable {name} is not set")
    return key


def _say(line: str) -> None:
    """At once: the reader of the pipe waits for the line."""
    click.echo(line, file=sys.stdout)


def _refuse(*lines: str) -> NoReturn:
    for line in lines:
        click.echo(line, err=True)
    raise SystemExit(WRONG_USE)
