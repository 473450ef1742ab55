"""Laws of web_search, against a real HTTP service on the loopback."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agents.tools.builtin import web_search as module
from agents.tools.builtin.web_search import NOT_CONFIGURED, SearchFailed, web_search
from agents.tools.errors import InvalidArguments
from tests.agents.llm.http.loopback import served

Endpoint = tuple[str, list[Any]]

ENTRY = {"title": "T", "url": "https://example.org/", "content": "S", "engine": "x"}


@asynccontextmanager
async def service(status: int, body: str, headers: dict[str, str] | None = None) -> AsyncIterator[Endpoint]:
    """An endpoint with this answer, and the queries that it received."""
    asked: list[Any] = []

    async def search(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return web.Response(status=status, text=body, headers=headers)

    app = web.Application()
    app.router.add_get("/search", search)
    async with served(app) as address:
        yield f"{address}/search", asked


async def test_results_come_as_titles_urls_and_snippets() -> None:
    entries = [ENTRY, {**ENTRY, "content": None}, {**ENTRY, "content": "x" * 9999}, ENTRY]
    async with service(200, json.dumps({"query": "q", "results": entries})) as (endpoint, asked):
        found = await web_search.bind(endpoint=endpoint)("a & b", 3)
    assert asked == [{"q": "a & b", "format": "json"}]
    assert [each["snippet"] for each in found] == ["S", "", "x" * module.MAX_SNIPPET_CHARS]
    assert found[0] == {"title": "T", "url": "https://example.org/", "snippet": "S"}


async def test_without_an_endpoint_it_says_that_it_is_not_configured() -> None:
    assert await web_search("anything") == NOT_CONFIGURED


def test_the_model_can_neither_see_nor_set_the_endpoint() -> None:
    assert list(web_search.parameters["properties"]) == ["query", "max_results"]
    with pytest.raises(InvalidArguments):
        web_search.arguments('{"query": "q", "endpoint": "http://127.0.0.1/"}')


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (429, "", "expected 200 from the search service, got 429"),
        (302, "", "expected 200 from the search service, got 302"),
        (200, "<html>", "results as JSON"),
        (200, '{"results": 3}', "results as JSON"),
        (200, "x" * (module.MAX_BODY_BYTES + 1), "expected at most"),
    ],
)
async def test_a_failing_service_is_reported_in_one_line(status: int, body: str, fault: str) -> None:
    async with service(status, body, {"Location": "http://127.0.0.1:1/"} if status == 302 else None) as (endpoint, _):
        with pytest.raises(SearchFailed, match=fault) as caught:
            await web_search.bind(endpoint=endpoint)("q")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1/search", "ftp://127.0.0.1/", "nonsense", "http://[/"])
async def test_an_absent_service_is_reported_in_one_line(endpoint: str) -> None:
    with pytest.raises(SearchFailed, match="can't be reached"):
        await web_search.bind(endpoint=endpoint)("q")
