"""Whether the providers of the configuration can be reached, and take the key: one request for their models each."""

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr

from agents.llm.endpoint import Endpoint
from agents.settings import Settings

TIMEOUT: Final = aiohttp.ClientTimeout(total=8.0, sock_connect=4.0)
NO_SUCH_ROUTE: Final = frozenset({404, 405, 501})


async def provider_findings(settings: Settings) -> list[tuple[str, str]]:
    """A verdict and what is told, for each: never a key, nor what may be secret in an address."""
    async with aiohttp.ClientSession(timeout=TIMEOUT, trust_env=True) as http:
        return list(await asyncio.gather(*(_finding(http, each) for each in dict.fromkeys(_endpoints(settings)))))


def _endpoints(settings: Settings) -> Iterator[Endpoint]:
    """The general one, unless all that is asked has a name; then those with names, and those of agents."""
    key = _text(settings.api_key) or os.environ.get("OPENAI_API_KEY")
    if not settings.providers.order or settings.base_url or settings.api_key:
        yield Endpoint(settings.base_url, key)
    for named in settings.providers.named.values():
        yield Endpoint(named.base_url or settings.base_url, _text(named.api_key) or key)
    for agent in settings.agents:
        if agent.base_url is not None:
            yield Endpoint(agent.base_url, _text(agent.api_key) or key)


def _text(key: SecretStr | None) -> str | None:
    return None if key is None else key.get_secret_value()


async def _finding(http: aiohttp.ClientSession, endpoint: Endpoint) -> tuple[str, str]:
    where = endpoint.address
    if not endpoint.api_key:
        return "warn", f"{where}: there is no key for it: set OPENAI_API_KEY, or api_key in the configuration"
    try:
        await asyncio.get_running_loop().getaddrinfo(urlsplit(endpoint.url).hostname, None)
        headers = {"Authorization": f"Bearer {endpoint.api_key}"}
        query = f"?{endpoint.query}" if endpoint.query else ""
        async with http.get(f"{endpoint.base.rstrip('/')}/models{query}", headers=headers) as answer:
            return _verdict(where, answer.status)
    except socket.gaierror:
        return "fail", f"{where}: its name is not known (DNS)"
    except aiohttp.ClientSSLError:
        return "fail", f"{where}: its certificate is not trusted, or it speaks no TLS"
    except aiohttp.ClientConnectorError as error:
        why = error.os_error.errno  # the system's word for it: asyncio's own text is about a call
        return "fail", f"{where}: no connection: {os.strerror(why) if why else 'refused'}"
    except TimeoutError:
        return "fail", f"{where}: no answer in time"
    except (aiohttp.ClientError, ValueError) as error:
        return "fail", f"{where}: {type(error).__name__}"


def _verdict(where: str, status: int) -> tuple[str, str]:
    match status:
        case 200:
            return "ok", f"{where}: takes the key"
        case 401 | 403:
            return "fail", f"{where}: refuses the key (status {status})"
        case _ if status in NO_SUCH_ROUTE:
            return "ok", f"{where}: answers, and lists no models (status {status})"
    return "warn", f"{where}: answers with status {status}"
