"""A node of a cluster with a gateway, in an OS process of its own. Its log is on stderr.

    python -m tests.agents.gateway.node_program SETTINGS

SETTINGS is JSON. The program writes the gateway's port. A line of its input is the name of a token to revoke, which the
program writes again when the token is revoked. An empty line ends the program.
"""

import asyncio
import logging
import sys

import msgspec
from pydantic import SecretStr

from actors import start
from agents import application
from agents.cluster.node_requests import ACCESS
from agents.gateway import Gateway, serving
from agents.gateway.guard import issued_elsewhere
from agents.gateway.guard.issued_here import AccessServer
from agents.gateway.stored_sessions import StoredSessions
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Settings
from tests.agents.gateway.site import BUYER_AND_SLOW, TOKEN


async def main(given: dict[str, object]) -> None:
    issued_elsewhere.CHECK_S, issued_elsewhere.FRESH_S = 0.2, 0.3  # type: ignore[misc]  # quicker than a person
    loop = asyncio.get_running_loop()
    async with RehearsalServer(builtin() | parse(BUYER_AND_SLOW, "node")) as server:
        settings = Settings.model_validate({**given, "base_url": server.base_url, "api_key": SecretStr("rehearsal")})
        async with application.running(settings):
            app = Gateway(settings, StoredSessions(), TOKEN)
            await start(AccessServer, app.issued, name=ACCESS)
            async with serving(app, settings) as served:
                say(str(served.port))
                while name := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
                    tokens = tuple(each for each in settings.gateway.tokens if each.name != name)
                    own = settings.gateway.model_copy(update={"tokens": tokens})
                    settings = settings.model_copy(update={"gateway": own})
                    app.take(settings)
                    say(name)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    asyncio.run(main(msgspec.json.decode(sys.argv[1])))
