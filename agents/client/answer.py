"""The failures of a request: an answer with an error status, or no answer."""

import aiohttp
import msgspec

from agents.client.errors import ClientError, NoDaemon, Refused, Unreachable
from agents.client.place import Place


async def check(answer: aiohttp.ClientResponse) -> None:
    """Raise Refused for an answer with an error status."""
    if answer.status < 400:
        return
    try:
        body = msgspec.json.decode(await answer.read())
        error = body["error"]
        kind, message = str(error["type"]), str(error["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        kind, message = "error", f"the daemon answered with status {answer.status}"
    raise Refused(answer.status, kind, message)


def failure(place: Place, failed: Exception) -> ClientError:
    """Return the error of a request to this place that got no answer."""
    match failed:
        case aiohttp.ClientSSLError():
            return Unreachable(f"{place.url}: its certificate is not trusted, or it does not use TLS")
        case aiohttp.ClientConnectorError():
            return NoDaemon(f"{place.url}: no daemon listens there")
        case TimeoutError():
            return Unreachable(f"{place.url}: it does not answer")
        case _:
            return Unreachable(f"{place.url}: the connection broke")
