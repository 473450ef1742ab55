"""`understudy open`: the daemon's page in a browser."""

import webbrowser
from typing import Any

import click

from agents.cli.printing import say
from agents.cli.remote.connection import ask, daemon_options
from agents.client import Client
from agents.node.state_files import page_with_code


@click.command("open")
@click.option("--print", "printed", is_flag=True, help="Print the address, and start no browser.")
@daemon_options
def open_page(printed: bool, **options: Any) -> None:
    """Open the daemon's page in a browser, logged in with the rights of the token.

    The address has a code that works once, within a minute. Without a browser, the command prints the address. BROWSER
    names the browser's command.
    """

    async def do(client: Client) -> None:
        code = (await client.post("/login/codes"))["code"]
        address = page_with_code(client.url, code)
        if printed or not webbrowser.open(address):
            say(address)
        else:
            say(f"opened {client.url}")

    ask(options, do)
