"""The files of the gateway's own pages: public, few, and harmless."""

import aiohttp
import pytest
from fastapi import FastAPI

from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.page_files import page_files
from tests.agents.gateway.site import TOKEN, Site


async def test_every_file_of_the_pages_is_served_without_a_token_and_under_the_same_policy(site: Site) -> None:
    async with aiohttp.ClientSession() as stranger:
        for path, file in page_files().items():
            async with stranger.get(site.url + path) as response:
                headers = response.headers
                assert (response.status, await response.read()) == (200, file.content)
                assert headers["content-security-policy"].startswith("default-src 'self';")
                assert "unsafe" not in headers["content-security-policy"]
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["content-type"].encode() == file.media_type


async def test_html_is_never_stored_and_the_rest_is_checked_by_its_etag(site: Site) -> None:
    async with aiohttp.ClientSession() as stranger:
        for path, file in page_files().items():
            async with stranger.get(site.url + path) as response:
                found = response.headers.get("etag"), response.headers["cache-control"]
            if file.etag is None:
                assert found == (None, "no-store")
                continue
            assert found == (file.etag.decode(), "no-cache")
            for known, status in ((f'"x", {found[0]}', 304), ('"x"', 200)):
                async with stranger.get(site.url + path, headers={"if-none-match": known}) as response:
                    assert response.status == status
                    assert bool(await response.read()) == (status == 200)


@pytest.mark.parametrize("path", ["/static/", "/static/nothing.js", "/static/index.html", "/static/..%2fapp.py"])
async def test_only_the_files_of_the_pages_exist(site: Site, path: str) -> None:
    async with aiohttp.ClientSession() as stranger, stranger.get(site.url + path) as response:
        assert response.status == 404


async def test_a_page_is_only_read(site: Site) -> None:
    async with aiohttp.ClientSession() as stranger:
        async with stranger.head(site.url + "/") as response:
            assert (response.status, await response.read()) == (200, b"")
        for path in page_files():
            async with stranger.post(site.url + path, json={}) as response:
                assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


async def test_a_mounted_gateway_serves_its_pages_below_its_path(site: Site) -> None:
    host = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    host.mount("/inner", Gateway(site.settings, LiveSessions(), TOKEN))
    async with serving(host, site.settings) as served, aiohttp.ClientSession() as stranger:
        for path, file in page_files().items():
            async with stranger.get(f"http://127.0.0.1:{served.port}/inner{path}") as response:
                assert (response.status, await response.read()) == (200, file.content)
