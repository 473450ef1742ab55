"""`understudy mcp login`: a person's login at an MCP server of the configuration."""

import asyncio
import sys
import webbrowser
from pathlib import Path

import click

from agents.cli.config import loaded_or_exit
from agents.cli.daemon_flags import daemon_flags
from agents.cli.exit_codes import code_of
from agents.cli.printing import complain, say
from agents.cli.view.printable import one_line
from agents.core.nearest import suggestion
from agents.daemon.settings import daemon_settings
from agents.extras import extra
from agents.mcp.spec import ServerSpec
from agents.settings import Grant, Settings
from agents.tools.errors import ServerDown

with extra("mcp", "the command mcp login"):
    from agents.mcp.grant import NoGrant
    from agents.mcp.login import login
    from agents.mcp.tokens import file_of


@click.command("login")
@click.argument("name")
@click.option("--print", "printed", is_flag=True, help="Print the address, and start no browser.")
@click.option(
    "--callback-port",
    "callback_port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="The loopback port to which the browser returns. Default: a free one.",
)
@daemon_flags
def login_command(file: Path | None, flags: dict[str, str], name: str, *, printed: bool, callback_port: int) -> None:
    """Log in at the MCP server NAME of the configuration, and keep its tokens.

    A browser opens the address of the authorization server. The daemon uses the tokens, and renews them.
    """
    spec = _server(name, daemon_settings(loaded_or_exit(file, flags, agents=False)))

    def show(address: str) -> None:
        if printed or not webbrowser.open(address):
            say(address)

    try:
        asyncio.run(login(spec, show, callback_port))
    except (NoGrant, ServerDown, OSError) as failed:
        complain(one_line(f"understudy mcp login: {failed}"))
        sys.exit(code_of(failed))
    say(f"logged in at {name}; the tokens are in {file_of(spec)}")


def _server(name: str, settings: Settings) -> ServerSpec:
    """Return the server with this name. Raises UsageError if it has no login."""
    server = settings.mcp.get(name)
    if server is None:
        known = ", ".join(settings.mcp) or "none"
        raise click.UsageError(f"expected a server of mcp ({known}), got {name!r}{suggestion(name, settings.mcp)}")
    if server.oauth is None or server.oauth.grant is not Grant.AUTHORIZATION_CODE:
        raise click.UsageError(f"expected a server with oauth and the grant {Grant.AUTHORIZATION_CODE}, got {name!r}")
    return ServerSpec(name, server)
