"""Text that has a meaning for a log, a terminal, a database or a path: the daemon treats it as text."""

import json
import unicodedata
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from agents.client import Refused
from agents.core.events import StreamComplete
from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import daemon

pytestmark = pytest.mark.timeout(180)
ACTIVE = "one\r\n2026-01-01 error forged\x1b[2J\x07\u2028\u202enwod\x00\x85\x7f"
LONG = "x" * 500_000
IDS = [
    "x') OR '1'='1",
    "x' UNION SELECT id FROM sessions --",
    '"; DROP TABLE sessions; --',
    "%",
    "_",
    "a%",
    "../a",
    "..",
    "a/../a",
    "a\x00",
    "\u0430",  # a Cyrillic letter
    "A",
    "a ",
    "%61",
    "[object Object]",
    "{{7*7}}",
    "x" * 129,
]
ROUTES = [
    ("GET", "/agents/{id}"),
    ("DELETE", "/agents/{id}"),
    ("POST", "/agents/{id}/chat"),
    ("POST", "/agents/{id}/stream"),
    ("GET", "/sessions/{id}"),
    ("GET", "/streams/{id}"),
    ("GET", "/streams/{id}/events"),
    ("POST", "/streams/{id}/cancel"),
    ("GET", "/agents?after={id}&limit=1000"),
    ("GET", "/sessions?after={id}&limit=1000"),
]


def is_plain(line: str) -> bool:
    """Return whether the text has no character that a terminal, or a reader of lines, would obey."""
    return not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in line)


async def test_text_of_a_client_is_one_plain_json_line_of_the_log(server: RehearsalServer, folder: Path) -> None:
    flags = ("--set", "logging.format=json", "--set", "logging.level=debug")
    async with daemon(server, folder, *flags) as running, running.client() as client:
        for number, text in enumerate((ACTIVE, LONG)):
            for model in ("echo", text[:200]):
                agent = {"id": f"{number}{len(model)}", "name": text[:100_000], "model": model, "system_prompt": text}
                await client.post("/agents", agent)
                assert [event async for event in client.ask(agent["id"], text)]
            with pytest.raises(Refused):
                await client.post("/agents", {"id": text, "model": "echo", "tools": [text]})
            with pytest.raises(Refused):
                await client.get(f"/agents/{quote(text[:4000], safe='')}")
        code, out, err = await understudy("ps", "--state-dir", str(folder))
        assert code == 0
        assert all(is_plain(line) and len(line) < 300 for line in (out + err).split("\n"))
        assert await running.stopped() == 0
        log = await running.log_output()
    lines = log.split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert is_plain(line)
        assert len(line) < 64 * 1024
        assert "event" in json.loads(line)


async def test_an_id_names_one_thing_or_nothing(server: RehearsalServer, folder: Path) -> None:
    """An id means nothing to a database, a path or a pattern, and other data stays."""
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "echo"})
        *_, last = [event async for event in client.ask("a", "Hello.", stream_id="a")]
        assert isinstance(last, StreamComplete)
        before = await client.get("/sessions/a")
        headers = {"Authorization": f"Bearer {running.token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            for id_ in IDS:
                for method, route in ROUTES:
                    where = URL(running.url + route.format(id=quote(id_, safe="")), encoded=True)
                    body = {"message": "x"} if method != "GET" else None
                    async with http.request(method, where, json=body) as answer:
                        assert answer.status in (404, 405, 422) or "after=" in route, (where, answer.status)
                        assert answer.status < 500, (where, await answer.text())
        assert await client.get("/sessions/a") == before
        assert await running.stopped() == 0
