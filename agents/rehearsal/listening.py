"""The address at which a rehearsal serves HTTP."""

from aiohttp import web

from agents.rehearsal.errors import CannotListen


async def listen(runner: web.AppRunner, host: str, port: int) -> int:
    """Serve the runner's application at this address, and return the port. port: 0 chooses a free one.

    If the address is unavailable, clean up the runner and raise CannotListen.
    """
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise CannotListen(*error.args) from error
    bound: int = runner.addresses[0][1]
    return bound
