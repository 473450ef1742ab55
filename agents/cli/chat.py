"""`understudy chat`: one message, or a conversation, with an agent of this program or of the daemon."""

import os
import re
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from actors import InvalidArgument, Pid
from agents import application
from agents.cli.conversation import whole_stdin
from agents.cli.program import Program, run
from agents.cli.refusal import refuse
from agents.cli.remote.chat import chat_with_daemon
from agents.cli.remote.completion import completed
from agents.cli.remote.connection import address_given, token_file_option
from agents.cli.remote.ids import agents_and_sessions
from agents.cli.talk import conversation
from agents.cli.turn import exit_code, show_turn
from agents.cli.view.screen import open_screen
from agents.llm.endpoint import MISSING_KEY, Api
from agents.node.state_files import URL
from agents.parts.given import Media, Text, content_of, media_from_file
from agents.settings import DEFAULT_MODEL, Settings, ToolSettings
from agents.settings.values import HTTP_ADDRESS
from supervisors.agent_supervisor import start_agent, stop_agent

# A person waits here and can cancel: fewer retries and a longer chunk timeout than the defaults.
PATIENCE = {"max_retries": 2, "chunk_timeout": 120_000}

LOCAL: Final = ("base_url", "root", "search_endpoint")
"""The options of an agent that runs in this program."""

CONFIGURED: Final = ("model", "api", "tools", "system")
"""The options of an agent that is started for the conversation."""

STDIN: Final = "-"
"""The MESSAGE that stands for stdin, as in other commands."""


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.match(HTTP_ADDRESS, value):
        raise click.BadParameter(f"expected an address that begins with http:// or https://, got {value!r}")
    return value


def _attached(context: click.Context, parameter: click.Parameter, files: tuple[str, ...]) -> tuple[Media, ...]:
    try:
        return tuple(map(media_from_file, files))
    except InvalidArgument as invalid:
        raise click.BadParameter(str(invalid)) from None


@click.command()
@click.argument("message", required=False)
@click.option(
    "--model", envvar="OPENAI_MODEL", default=DEFAULT_MODEL, show_default=True, show_envvar=True, help="The model."
)
@click.option(
    "--base-url",
    envvar="OPENAI_BASE_URL",
    show_envvar=True,
    metavar="URL",
    callback=_address,
    help="The address of the endpoint, such as https://api.openai.com/v1.",
)
@click.option(
    "--api",
    type=click.Choice([api.value for api in Api]),
    default="chat",
    show_default=True,
    help="The API: Chat Completions or Responses.",
)
@click.option(
    "--tools",
    default="",
    metavar="NAMES",
    help="Built-in tools, separated by commas: web_search, calculator, file_ops, ask_user.",
)
@click.option("--system", default="", metavar="TEXT", help="The system prompt.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    metavar="DIR",
    help="The folder that file_ops may read and write. It has no default.",
)
@click.option(
    "--search-endpoint",
    metavar="URL",
    callback=_address,
    help="The address of a SearXNG JSON endpoint, for web_search.",
)
@click.option(
    "--attach",
    "attached",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    callback=_attached,
    help="Send this image, sound or file with the first message. May be given several times.",
)
@click.option(
    "--url",
    metavar="URL",
    callback=_address,
    help=f"The address of a daemon: talk to an agent there. Default: {URL}, if it is set.",
)
@token_file_option
@click.option(
    "--agent",
    "agent_id",
    metavar="ID",
    shell_complete=completed(agents_and_sessions),
    help="Talk to this agent of the daemon and leave it running. Without --agent, chat starts a new agent and stops it "
    "at the end.",
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The daemon's state directory. It holds the daemon's address and token.",
)
@click.pass_context
def chat(
    context: click.Context,
    message: str | None,
    model: str,
    base_url: str | None,
    api: str,
    tools: str,
    system: str,
    root: Path | None,
    search_endpoint: str | None,
    attached: tuple[Media, ...],
    url: str | None,
    token_file: Path | None,
    agent_id: str | None,
    state_dir: Path | None,
) -> None:
    """Send MESSAGE and show the answer. MESSAGE "-" is all of stdin. Without MESSAGE, talk until Ctrl-D.

    Without --url, --token-file, --agent and --state-dir, the agent runs in this program and is lost at its end. With
    one of the four, or with UNDERSTUDY_URL, it is an agent of a daemon. --base-url, --root and --search-endpoint are
    for an agent of this program.

    The API key is read from OPENAI_API_KEY. Ctrl-C cancels the running answer; a second Ctrl-C ends the program.
    """
    names = [name.strip() for name in tools.split(",") if name.strip()]
    if message is not None and not message.strip():
        raise click.UsageError("expected a message, got an empty one")
    if _is_remote(context, (url, token_file, agent_id, state_dir)):
        _check_remote_options(context, agent_id)
        new = _new_agent(context, names)
        place = {"url": url, "token_file": token_file, "state_dir": state_dir}
        sys.exit(_talk(message, partial(chat_with_daemon, attached, agent_id, new, place)))
    _check_tool_options(names, root, search_endpoint)
    settings = Settings(
        model=model,
        base_url=base_url,
        tools=ToolSettings(file_ops_root=root, web_search_endpoint=search_endpoint),
    )
    config = {"system_prompt": system, "tools": names, "api_preference": api, "streaming_config": PATIENCE}
    sys.exit(_talk(message, partial(_chat, attached, settings, config)))


def _talk(message: str | None, chat_with: Callable[[str | None, Program], Awaitable[int]]) -> int:
    """Run a chat with the message, which is all of stdin for STDIN. Return the exit code."""

    async def main(program: Program) -> int:
        return await chat_with(await whole_stdin() if message == STDIN else message, program)

    return run(main)


def _is_remote(context: click.Context, given: tuple[object, ...]) -> bool:
    """Return whether the options, or else the environment, name a daemon. given: those options."""
    if any(each is not None for each in given):
        return True
    return address_given(None, None) is not None and not any(_is_typed(context, name) for name in LOCAL)


def _check_remote_options(context: click.Context, agent_id: str | None) -> None:
    """Raise UsageError for an option of the command line that the agent of a daemon would ignore."""
    for name in LOCAL:
        if _is_typed(context, name):
            raise click.UsageError(f"--{name.replace('_', '-')} is for an agent of this program, got a daemon's agent")
    for name in CONFIGURED:
        if agent_id is not None and _is_typed(context, name):
            raise click.UsageError(f"expected --agent or --{name}, got both: --{name} is for a new agent")


def _is_typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _new_agent(context: click.Context, names: list[str]) -> dict[str, Any]:
    """Return the configuration of the new agent, with the given options only. The daemon sets the rest."""
    keys = {"model": "model", "api": "api_preference", "system": "system_prompt"}
    given = {
        key: context.params[name]
        for name, key in keys.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    return given | ({"tools": names} if names else {})


def _check_tool_options(names: list[str], root: Path | None, search_endpoint: str | None) -> None:
    """Raise UsageError for a tool without the option that it needs, or for an option without its tool."""
    if "file_ops" in names and root is None:
        raise click.UsageError("file_ops: expected --root DIR, the folder that it may read and write; got none")
    if root is not None and "file_ops" not in names:
        raise click.UsageError("--root is for file_ops: expected file_ops in --tools")
    if search_endpoint is not None and "web_search" not in names:
        raise click.UsageError("--search-endpoint is for web_search: expected web_search in --tools")


async def _chat(
    attached: tuple[Media, ...], settings: Settings, config: dict[str, Any], message: str | None, program: Program
) -> int:
    if not os.environ.get("OPENAI_API_KEY"):
        return refuse(MISSING_KEY)
    async with application.running(settings):
        with program.interrupts.until_the_end():
            try:
                pid = await start_agent(config)
            except ValueError as refused:
                return refuse(*str(refused).splitlines())
            if message is not None:
                return await _turn(pid, message, attached, program)
            about = f"{settings.model}, in this program"

            async def begin_again() -> None:
                nonlocal pid
                await stop_agent(pid)
                pid = await start_agent(config)

            async for each in conversation(program.interrupts, about, begin_again):
                await _turn(pid, each, attached, program)
                attached = ()
    return 0


async def _turn(pid: Pid, text: str, attached: tuple[Media, ...], program: Program) -> int:
    message = content_of([Text(text), *attached]) if attached else text
    return exit_code(await show_turn(pid, message, open_screen(sys.stdout, sys.stderr, markdown=True), program))
