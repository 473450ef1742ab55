"""Known and unknown paths and methods, and a slash at the end."""

import aiohttp
import pytest
from fastapi import FastAPI

from agents.gateway import Gateway, LiveSessions, serving
from tests.agents.gateway.contract import document
from tests.agents.gateway.site import TOKEN, Site

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")


OF_THE_DAEMON = ("/healthz", "/readyz", "/metrics", "/reload", "/stop", "/cluster", "/drain", "/undrain")


def offered() -> dict[str, set[str]]:
    """Return the methods of each path, with ids filled in."""
    found = {}
    for path, operations in document()["paths"].items():
        if not path.startswith(OF_THE_DAEMON):  # not routes of the fixture's gateway
            found[path.replace("{", "").replace("}", "")] = {method.upper() for method in operations}
    return found


async def test_a_method_that_a_path_does_not_have_is_405_and_allow_names_those_that_it_has(site: Site) -> None:
    for path, methods in offered().items():
        for method in set(METHODS) - methods:
            async with site.http.request(method, site.url + path) as response:
                assert response.status == 405, (method, path)
                assert response.headers["allow"] == ", ".join(sorted(methods))


@pytest.mark.parametrize("path", ["//", "/nothing", "/agents//", "/agents/a/b/c", "/agents/a/chat/x", "//agents"])
async def test_a_path_that_is_not_offered_is_404_for_every_method(site: Site, path: str) -> None:
    for method in METHODS:
        async with site.http.request(method, site.url + path) as response:
            assert response.status == 404, method


async def test_a_slash_at_the_end_changes_nothing(site: Site) -> None:
    await site.agent("echo")
    for path in ("/agents", "/agents/a", "/sessions", "/sessions/a", "/tree", "/openapi.json"):
        assert (await site.json("GET", path + "/"))[0] == (await site.json("GET", path))[0] == 200
    assert (await site.json("POST", "/agents/a/chat/", {"message": "one"}))[1]["response"]["content"] == "one"
    async with site.http.ws_connect(f"{site.url}/ws/") as socket:
        await socket.send_json({"action": "ping"})
        assert await socket.receive_json(timeout=30) == {"type": "pong"}


async def test_a_mounted_gateway_knows_its_paths_and_methods_as_well(site: Site) -> None:
    await site.agent("echo")
    host = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    host.mount("/inner", Gateway(site.settings, LiveSessions(), TOKEN))
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with serving(host, site.settings) as served, aiohttp.ClientSession(headers=headers) as http:
        url = f"http://127.0.0.1:{served.port}/inner"
        async with http.get(f"{url}/agents/a/") as response:
            assert response.status == 200
        async with http.get(f"{url}/openapi.json") as response:
            assert (await response.json())["servers"] == [{"url": "/inner"}]
        async with http.put(f"{url}/agents/a") as response:
            assert (response.status, response.headers["allow"]) == (405, "DELETE, GET")
