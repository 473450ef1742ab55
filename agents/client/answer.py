"""The failures of a request: an answer with an error status, one of another program, or no answer."""

from typing import Any, Final

import aiohttp
import msgspec

from agents.client.errors import ClientError, InvalidAddress, NoDaemon, NotADaemon, Refused, Unreachable
from agents.client.place import Place

EVENTS: Final = "text/event-stream"


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


def data_in(answer: aiohttp.ClientResponse, body: bytes) -> Any:
    """Return the JSON data of an answer, or None for an empty one. Raises NotADaemon."""
    try:
        return msgspec.json.decode(body or b"null")
    except msgspec.DecodeError:
        raise _not_a_daemon(answer) from None


def check_events(answer: aiohttp.ClientResponse) -> None:
    """Raise NotADaemon for an answer that is not a stream of events."""
    if answer.content_type != EVENTS:
        raise _not_a_daemon(answer)


def failure(place: Place, failed: Exception) -> ClientError:
    """Return the error of a request to this place that got no answer."""
    match failed:
        case aiohttp.InvalidURL():
            return InvalidAddress(f"expected the URL of a daemon, such as http://127.0.0.1:8765, got {place.url!r}")
        case aiohttp.ClientSSLError():
            return Unreachable(f"{place.url}: its certificate is not trusted, or it does not use TLS")
        case aiohttp.ClientConnectorError():
            return NoDaemon(f"{place.url}: no daemon listens there")
        case TimeoutError():
            return Unreachable(f"{place.url}: it does not answer")
        case _:
            return Unreachable(f"{place.url}: the connection broke")


def _not_a_daemon(answer: aiohttp.ClientResponse) -> NotADaemon:
    got = f"an answer of another program, {answer.content_type}"
    return NotADaemon(f"expected a daemon at {answer.url.origin()}, got {got}")
