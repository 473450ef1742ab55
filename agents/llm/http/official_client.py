"""The openai package's client of an endpoint: of OpenAI's API anywhere, of Azure, or of Amazon Bedrock."""

from typing import Any

import httpx2
import openai

from agents.core.errors import NetworkError
from agents.llm.aws import REGIONS, Aws, AwsCredentials
from agents.llm.endpoint import Endpoint, ProviderFailed
from agents.llm.http.request_head import RequestHead
from agents.llm.key import KeySource

UNREAD = httpx2.Timeout(None)
"""Without a limit: otherwise a header names the time after which the client stops reading."""


def client_of(endpoint: Endpoint, key: str, http: httpx2.AsyncClient) -> openai.AsyncOpenAI:
    """Return the openai client that makes an endpoint's requests. They go over the connections of http.

    Raises ProviderFailed for an address and a region that the client refuses.
    """
    given: Any = {
        "default_headers": dict(endpoint.headers),
        "default_query": dict(endpoint.query),
        "http_client": http,
        "max_retries": 0,
    }
    if endpoint.aws is not None:
        return _signing(endpoint.aws, endpoint.base, AwsCredentials.of(key), given)
    if endpoint.api_version is None:
        return openai.AsyncOpenAI(api_key=key, base_url=endpoint.base, **given)
    is_token = isinstance(endpoint.key, KeySource) and endpoint.key.is_token
    resource, deployment = endpoint.azure
    given |= {"azure_deployment": deployment, "azure_ad_token" if is_token else "api_key": key}
    return openai.AsyncAzureOpenAI(azure_endpoint=resource, api_version=endpoint.api_version, **given)


def _signing(aws: Aws, base_url: str, credentials: AwsCredentials, given: Any) -> openai.AsyncOpenAI:
    """Return a client that signs each request."""
    if aws.region is None:
        raise ProviderFailed(NetworkError("einval", f"expected a region in aws.region or {REGIONS[0]}, got none"))
    if any(name.lower() == "authorization" for name in given["default_headers"]):
        raise ProviderFailed(NetworkError("einval", "expected no header authorization beside aws, got one"))
    from openai.providers import bedrock  # for the few endpoints that need it

    try:
        signing = bedrock(
            region=aws.region,
            base_url=base_url,
            access_key_id=credentials.access_key,
            secret_access_key=credentials.secret_key,
            session_token=credentials.token,
        )
        return openai.AsyncOpenAI(provider=signing, **given)
    except openai.OpenAIError as refused:
        raise ProviderFailed(NetworkError("einval", str(refused))) from None


async def head_of(client: openai.AsyncOpenAI, path: str, params: httpx2.QueryParams) -> RequestHead:
    """Return the head of the client's requests to a path. params: the query that each request carries."""
    async with _nowhere(params) as nowhere:
        unsent = client.with_options(http_client=nowhere, timeout=UNREAD)
        response = await unsent.post(path, cast_to=httpx2.Response, content=b"")
    return RequestHead.of(response.request)


async def signed_headers(endpoint: Endpoint, key: str) -> dict[str, str]:
    """Return the headers of a signed request for the endpoint's models. Raises ProviderFailed."""
    async with _nowhere(httpx2.QueryParams(endpoint.url_query)) as nowhere:
        try:
            response = await client_of(endpoint, key, nowhere).get("models", cast_to=httpx2.Response)
        except openai.OpenAIError as refused:
            raise ProviderFailed(NetworkError("einval", str(refused))) from None
    return dict(response.request.headers)


def _nowhere(params: httpx2.QueryParams) -> httpx2.AsyncClient:
    """Return a client that sends nothing and finds each request answered."""
    return httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200)), params=params)
