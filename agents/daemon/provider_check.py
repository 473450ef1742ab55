"""The check of the providers: each gets one request for its models.

The answer shows whether the provider can be reached, and whether it accepts the key.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from agents.agent_config.routes import ModelChoice, endpoint_of, route_faults, routes
from agents.daemon.finding import Finding, Verdict
from agents.llm.endpoint import Endpoint, ProviderFailed
from agents.llm.key import KeySource, NoKey
from agents.settings import Settings

TIMEOUT: Final = aiohttp.ClientTimeout(total=8.0, sock_connect=4.0)
NO_SUCH_ROUTE: Final = frozenset({404, 405, 501})


async def provider_findings(settings: Settings) -> list[Finding]:
    """Return a finding for each provider.

    No text holds a key, or a part of an address that may be secret.
    """
    async with aiohttp.ClientSession(timeout=TIMEOUT, trust_env=True) as http:
        return list(await asyncio.gather(*(_finding(http, each) for each in dict.fromkeys(_endpoints(settings)))))


def _endpoints(settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints of the settings, of the named providers and of the configured agents.

    The settings' own endpoint is left out if every model call goes to a named provider.
    """
    unnamed = not settings.providers.order or settings.base_url or settings.api_key or settings.aws
    for name in (*([None] if unnamed else ()), *settings.providers.named):
        yield endpoint_of(ModelChoice(name), "", settings)
    for agent in settings.agents:
        if (agent.base_url is not None or agent.aws is not None) and not any(route_faults(agent, settings)):
            (route, _), *_ = routes(agent, settings)
            yield route.endpoint


async def _finding(http: aiohttp.ClientSession, endpoint: Endpoint) -> Finding:
    where = endpoint.address
    if endpoint.key is None and not endpoint.has_own_authorization:
        return _of(Verdict.WARN, f"{where}: no API key: set OPENAI_API_KEY, or api_key in the configuration")
    try:
        await asyncio.get_running_loop().getaddrinfo(urlsplit(endpoint.url).hostname, None)
        async with http.get(endpoint.models_url, headers=await _headers(endpoint)) as answer:
            return _answered(where, answer.status)
    except (NoKey, ProviderFailed) as missing:
        return _of(Verdict.FAIL, f"{where}: {missing}")
    except socket.gaierror:
        return _of(Verdict.FAIL, f"{where}: unknown host name (DNS)")
    except aiohttp.ClientSSLError:
        return _of(Verdict.FAIL, f"{where}: TLS failed: its certificate is not trusted, or it has no TLS")
    except aiohttp.ClientConnectorError as error:
        why = error.os_error.errno  # asyncio's own text names a system call, not the cause
        return _of(Verdict.FAIL, f"{where}: no connection: {os.strerror(why) if why else 'refused'}")
    except TimeoutError:
        return _of(Verdict.FAIL, f"{where}: no answer in time")
    except (aiohttp.ClientError, ValueError) as error:
        return _of(Verdict.FAIL, f"{where}: {type(error).__name__}")


async def _headers(endpoint: Endpoint) -> dict[str, str]:
    """Return the headers that authorize a request. Raises NoKey, ProviderFailed."""
    key, headers = endpoint.key, dict(endpoint.headers)
    is_token = isinstance(key, KeySource) and key.is_token
    key = await key.read(again=False) if isinstance(key, KeySource) else key
    if endpoint.aws is not None and key is not None:
        from agents.llm.http.official_client import signed_headers  # openai, which no other check needs

        return await signed_headers(endpoint, key)
    if key is None or endpoint.has_own_authorization:
        return headers
    if endpoint.api_version is not None and not is_token:
        return {"api-key": key, **headers}
    return {"Authorization": f"Bearer {key}", **headers}


def _answered(where: str, status: int) -> Finding:
    match status:
        case 200:
            return _of(Verdict.OK, f"{where}: accepts the key")
        case 401 | 403:
            return _of(Verdict.FAIL, f"{where}: refuses the key (status {status})")
        case _ if status in NO_SUCH_ROUTE:
            return _of(Verdict.OK, f"{where}: answers, and lists no models (status {status})")
    return _of(Verdict.WARN, f"{where}: answers with status {status}")


def _of(verdict: Verdict, text: str) -> Finding:
    return Finding(verdict, "provider", text)
