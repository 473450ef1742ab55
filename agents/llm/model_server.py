"""The server of a model, as telemetry names it."""

from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from agents.llm.endpoint import Endpoint
from agents.traces.calls import ModelServer

PORTS: Final = {"https": 443, "http": 80}

OTHERS: Final = {
    "anthropic.com": "anthropic",
    "googleapis.com": "gcp.gemini",
    "groq.com": "groq",
    "deepseek.com": "deepseek",
    "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity",
    "x.ai": "x_ai",
    "cohere.com": "cohere",
    "amazonaws.com": "aws.bedrock",
    "api.aws": "aws.bedrock",
    "azure.com": "azure.ai.openai",
}
"""Providers with OpenAI's API, by the end of their host's name. Source: the values of gen_ai.provider.name.

Any other server counts as openai, as the conventions allow: the API says no more.
"""


def server_of(endpoint: Endpoint) -> ModelServer:
    certain = "azure.ai.openai" if endpoint.api_version is not None else "aws.bedrock" if endpoint.aws else None
    return _server(endpoint.url, endpoint.address, certain)


@lru_cache(maxsize=256)
def _server(url: str, address: str, certain: str | None) -> ModelServer:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:  # the call fails with a fault of its own
        host, port = "", 0
    found = next((name for end, name in OTHERS.items() if host == end or host.endswith(f".{end}")), "openai")
    return ModelServer(certain or found, host, port, address)
