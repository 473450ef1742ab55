"""Whether a port speaks TLS: many servers with TLS hang up without a word on a client that speaks plain HTTP."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final

TIMEOUT_S: Final = 2.0


async def speaks_tls(host: str, port: int) -> bool:
    """A handshake succeeds. Nothing is sent over the connection, so its certificate does not matter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
    return True
