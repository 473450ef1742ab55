"""The errors of the openai client and of its transport, as Faults.

A fault that may come from a wrong address names the address, without its secrets.
"""

import asyncio
import errno
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from msgspec.structs import replace

from agents.core.errors import ApiError, ConnectionClosed, Fault, NetworkError, ParseError, Timeout
from agents.llm import faults
from agents.llm.encoding import BadEncoding
from agents.llm.request_id import their_id
from agents.llm.retry_after import retry_after_s
from agents.llm.text import one_line

UNKNOWN_FIELD: Final = (400, 422)
CACHE_KEY: Final = "prompt_cache_key"
WRONG_PATH: Final = (404, 405)
_VERSION: Final = re.compile(r"/v\d+\w*/")
_WRONG_ADDRESS: Final = "einval"
_NOT_TLS: Final = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
)
_TLS_ALERT: Final = ("\\x15\\x03", "\x15\x03")  # the first bytes of an alert record. Source: RFC 8446, 5.1


def status_fault(status: int, headers: Mapping[str, str], body: bytes, method: str, address: str) -> ApiError:
    """Return the fault of an answer with an error status. If the path may be wrong, the message names the request.

    address: the request's address without secrets.
    """
    fault = faults.api_error(status, body, retry_after_s(headers, time.time()))
    fault = replace(fault, request_id=their_id(headers))
    if status in UNKNOWN_FIELD and CACHE_KEY in fault.message:
        return replace(fault, message=f"{fault.message} (set {CACHE_KEY} to false for this provider)")
    if status not in WRONG_PATH:
        return fault
    hint = "" if _VERSION.search(address) else "; the base_url of most providers ends in /v1"
    return replace(fault, message=f"{fault.message} (asked: {method} {address}{hint})")


def connection_fault(error: BaseException, connect_s: float, address: str) -> Fault:
    """Return the fault in an error and its causes: a timeout, an errno, or a closed connection.

    address: the endpoint's address without secrets.
    """
    for cause in _causes(error):
        match cause:
            case aiohttp.ServerTimeoutError() | asyncio.TimeoutError():
                return Timeout("connection", connect_s)
            case (
                aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | aiohttp.ClientConnectionResetError()
            ):
                return ConnectionClosed()
            case aiohttp.ClientSSLError() | ssl.SSLError():
                return _tls_fault(cause, address)
            case aiohttp.ClientConnectorError():
                where = f"{cause.host}:{cause.port}"
                if cause.os_error.errno is None and address.startswith("https:"):
                    closed = f"{where} closed the connection before TLS: does it speak TLS?"
                    return NetworkError("econnreset", closed)
                return _os_fault(cause.os_error, where)
            case aiohttp.ClientResponseError():
                return _http_fault(cause, address)
            case BadEncoding():
                return ParseError(str(cause))
            case aiohttp.InvalidURL():
                return NetworkError(_WRONG_ADDRESS, f"expected an http or https address, got {cause.url}")
            case OSError() if cause.errno is not None:
                return _os_fault(cause, "")
    return NetworkError("unknown", type(error).__name__)


def wrong_scheme(address: str) -> NetworkError:
    """Return the fault of plain HTTP sent to a port that speaks TLS."""
    return NetworkError(_WRONG_ADDRESS, f"expected HTTP at {address}, got TLS: is it https://?")


def _tls_fault(error: BaseException, address: str) -> NetworkError:
    found = [inner for cause in _causes(error) for inner in (cause, *_wrapped(cause))]
    reasons = [reason for each in found if (reason := getattr(each, "reason", None)) and isinstance(reason, str)]
    if any(reason in _NOT_TLS for reason in reasons):
        return NetworkError(_WRONG_ADDRESS, f"expected TLS at {address}, got another protocol: is it http://?")
    whys = [why for each in found if (why := getattr(each, "verify_message", None))]
    why = next(iter([*whys, *reasons]), type(error).__name__)
    return NetworkError("eproto", f"TLS with {address} failed: {one_line(why, faults.EXCERPT_LIMIT)}")


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors that an aiohttp error holds besides its cause."""
    for name in ("os_error", "certificate_error"):
        if isinstance(inner := getattr(error, name, None), BaseException):
            yield inner


def _http_fault(error: aiohttp.ClientResponseError, address: str) -> Fault:
    if any(alert in error.message for alert in _TLS_ALERT) and urlsplit(address).scheme == "http":
        return wrong_scheme(address)
    return ParseError(f"expected an HTTP answer, got an error: {one_line(error.message, faults.EXCERPT_LIMIT)}")


def _os_fault(error: OSError, where: str) -> Fault:
    if isinstance(error, socket.gaierror):
        return NetworkError("nxdomain", where)
    return NetworkError(errno.errorcode.get(error.errno or 0, "unknown").lower(), where)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
