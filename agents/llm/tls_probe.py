"""A probe for TLS on a port: many TLS servers close the connection of a plain HTTP client without an error."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final

TIMEOUT_S: Final = 2.0


async def speaks_tls(host: str, port: int) -> bool:
    """Return whether a TLS handshake succeeds. No data is sent, so the certificate is not checked."""
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
