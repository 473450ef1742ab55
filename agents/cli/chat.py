"""`understudy chat`: one message, or a conversation, with an agent on any OpenAI-compatible endpoint."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from actors import Pid
from agents import application
from agents.cli.conversation import messages
from agents.cli.program import Program, run
from agents.cli.refusal import refuse
from agents.cli.remote.chat import chat_with_daemon
from agents.cli.turn import exit_code, show_turn
from agents.cli.view import open_screen
from agents.llm.endpoint import MISSING_KEY, Api
from agents.settings import DEFAULT_MODEL, Settings, ToolSettings
from agents.settings.values import HTTP_ADDRESS
from supervisors.agent_supervisor import start_agent

# A person waits here, and can cancel: shorter than a library's retries, longer than its silence.
PATIENCE = {"max_retries": 2, "chunk_timeout": 120_000}


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.match(HTTP_ADDRESS, value):
        raise click.BadParameter(f"expected an address that begins with http:// or https://, got {value!r}")
    return value


@click.command()
@click.argument("message", required=False)
@click.option("--model", envvar="OPENAI_MODEL", default=DEFAULT_MODEL, show_default=True, show_envvar=True)
@click.option(
    "--base-url",
    envvar="OPENAI_BASE_URL",
    show_envvar=True,
    metavar="URL",
    callback=_address,
    help="Of the endpoint.",
)
@click.option(
    "--api",
    type=click.Choice([api.value for api in Api]),
    default="chat",
    show_default=True,
    help="Which of OpenAI's APIs.",
)
@click.option("--tools", default="", metavar="NAMES", help="web_search, calculator, file_ops; with commas between.")
@click.option("--system", default="", metavar="TEXT", help="The system prompt.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    metavar="DIR",
    help="The one folder that file_ops reads and writes. There is no default.",
)
@click.option(
    "--search-endpoint", metavar="URL", callback=_address, help="A SearXNG-style JSON endpoint for web_search."
)
@click.option("--url", metavar="URL", callback=_address, help="Of a daemon: talk to an agent of it, over HTTP.")
@click.option("--agent", "agent_id", metavar="ID", help="Of the daemon: talk to this one, and let it be.")
@click.option("--state-dir", type=click.Path(path_type=Path), metavar="DIR", help="Of the daemon: where its token is.")
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
    url: str | None,
    agent_id: str | None,
    state_dir: Path | None,
) -> None:
    """Send MESSAGE and show the answer; without MESSAGE, talk until Ctrl-D.

    With --url, --agent or --state-dir the agent is a daemon's: a new one, unless --agent names it.

    The key is read from OPENAI_API_KEY. Ctrl-C cancels the answer that is being given; a second one leaves.
    """
    names = [name.strip() for name in tools.split(",") if name.strip()]
    if url is not None or agent_id is not None or state_dir is not None:
        new = _new_agent(context, names)
        sys.exit(run(lambda program: chat_with_daemon(message, agent_id, new, url, state_dir, program)))
    _check_tool_options(names, root, search_endpoint)
    if message is not None and not message.strip():
        raise click.UsageError("expected a message, got an empty one")
    settings = Settings(
        model=model,
        base_url=base_url,
        tools=ToolSettings(file_ops_root=root, web_search_endpoint=search_endpoint),
    )
    config = {"system_prompt": system, "tools": names, "api_preference": api, "streaming_config": PATIENCE}
    sys.exit(run(lambda program: _chat(message, settings, config, program)))


def _new_agent(context: click.Context, names: list[str]) -> dict[str, Any]:
    """What was said of it: the rest is the daemon's to know."""
    keys = {"model": "model", "api": "api_preference", "system": "system_prompt"}
    said = {
        key: context.params[name]
        for name, key in keys.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    return said | ({"tools": names} if names else {})


def _check_tool_options(names: list[str], root: Path | None, search_endpoint: str | None) -> None:
    """No folder is offered by default, and no option is given for nothing."""
    if "file_ops" in names and root is None:
        raise click.UsageError("file_ops expects --root DIR, the one folder that it may read and write; got none")
    if root is not None and "file_ops" not in names:
        raise click.UsageError("--root is for file_ops: expected it among --tools")
    if search_endpoint is not None and "web_search" not in names:
        raise click.UsageError("--search-endpoint is for web_search: expected it among --tools")


async def _chat(message: str | None, settings: Settings, config: dict[str, Any], program: Program) -> int:
    if not os.environ.get("OPENAI_API_KEY"):
        return refuse(MISSING_KEY)
    async with application.running(settings):
        with program.interrupts.until_the_end():
            try:
                pid = await start_agent(config)
            except ValueError as refused:
                return refuse(*str(refused).splitlines())
            if message is not None:
                return await _turn(pid, message, program)
            async for each in messages(program.interrupts):
                await _turn(pid, each, program)
    return 0


async def _turn(pid: Pid, message: str, program: Program) -> int:
    return exit_code(await show_turn(pid, message, open_screen(sys.stdout, sys.stderr), program))
