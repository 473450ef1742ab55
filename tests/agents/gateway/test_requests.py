"""The record of each request: its id in the answer and in the log, and its count in the metrics. Over real HTTP."""

import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest

from actors import get_state
from agents.daemon.meter import METER, Counts
from agents.gateway.errors import Refusal
from agents.gateway.guard.request_log import LINES_A_SECOND
from agents.settings import Scope
from agents.telemetry.meter import Meter
from supervisors import ChildSpec, Flags, start_supervisor
from tests.agents.gateway.contract import Program
from tests.agents.gateway.users import ANN, House, house, token

SCRAPER = token("prometheus", "ops", Scope.METRICS)


class Draining(Program):
    async def check_ready(self) -> None:
        raise Refusal(503, "the daemon drains", retry_after_s=2)


@pytest.fixture
async def of() -> AsyncIterator[House]:
    async with house([ANN, SCRAPER], host=Draining()) as one:
        yield one


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    """Return the fields of the gateway's events with this name."""
    records = [record for record in caplog.records if record.name == "understudy.gateway"]
    fields = [{**vars(record)["fields"], "level": record.levelname} for record in records]
    return [each for each in fields if each["event"] == event]


async def test_an_answer_has_the_id_that_its_client_gave_or_a_new_one(of: House) -> None:
    for given, kept in (("abc-1._~", True), ("a" * 128, True), ("a" * 129, False), ("a b", False), ("a\u00e9", False)):
        async with of.site.http.get(f"{of.site.url}/agents", headers={"x-request-id": given}) as response:
            found = response.headers.getall("x-request-id")
        assert len(found) == 1
        assert (found[0] == given) is kept, given
        assert len(found[0]) == 32 or kept


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "level"),
    [
        ("GET", "/agents", {"authorization": "Bearer wrong"}, 401, "WARNING"),
        ("GET", "/agents", {"host": "attacker.test"}, 421, "WARNING"),
        ("GET", "/agents", {"origin": "http://attacker.test"}, 403, "WARNING"),
        ("GET", "/agents/none", {}, 404, "INFO"),
        ("POST", "/agents", {"content-type": "text/plain"}, 415, "INFO"),
        ("GET", "/readyz", {}, 503, "WARNING"),
    ],
)
async def test_a_refused_request_is_one_line_with_its_id_and_without_its_query(
    of: House,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    level: str,
) -> None:
    caplog.set_level(logging.INFO)
    asked = f"{of.site.url}{path}?secret=swordfish"
    async with of.site.http.request(method, asked, headers=headers) as response:
        assert response.status == status
    (line,) = lines(caplog, "request_refused")
    assert (line["request_id"], line["method"]) == (response.headers["x-request-id"], method)
    assert (line["path"], line["status"], line["level"]) == (path, status, level)
    assert line["address"] == "127.0.0.1"
    assert "swordfish" not in caplog.text


async def test_a_message_is_one_line_that_has_the_ids_of_its_request_its_stream_and_its_user(
    of: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with of.client(ANN) as ann:
        await ann.json("POST", "/agents", {"id": "a", "model": "echo"})
        async with ann.http.post(f"{ann.url}/agents/a/stream", json={"message": "Hi."}) as response:
            await response.read()
    (line,) = lines(caplog, "turn_requested")
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["stream_id"] == response.headers["x-stream-id"]
    assert (line["caller"], line["user"], line["level"]) == ("ann", "ann", "INFO")


async def test_a_socket_that_gives_a_wrong_token_is_one_line(of: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with (
        aiohttp.ClientSession() as page,
        page.ws_connect(f"{of.site.url}/ws", headers={"origin": of.site.url}) as socket,
    ):
        await socket.send_json({"action": "authenticate", "token": "swordfish" * 5})
        await socket.receive_json(timeout=30)
        await socket.receive(timeout=30)
    (line,) = lines(caplog, "request_refused")
    assert (line["method"], line["path"], line["status"]) == ("WS", "/ws", 401)
    assert "swordfish" not in caplog.text


async def test_a_storm_of_refused_requests_fills_no_log(of: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(10 * LINES_A_SECOND):
        async with of.site.http.get(f"{of.site.url}/agents/none") as response:
            assert response.status == 404
    found = lines(caplog, "request_refused")
    seconds = len({int(record.created) for record in caplog.records}) + 1
    assert len(found) <= LINES_A_SECOND * seconds
    assert len(found) + sum(int(str(line.get("unlogged", 0))) for line in found) <= 10 * LINES_A_SECOND


async def test_requests_are_counted_by_method_route_and_status(of: House) -> None:
    counts = Counts()
    await start_supervisor(Flags(), (ChildSpec("meter", Meter, counts, name=METER),), name="daemon")
    for path in ("/agents/none", "/agents/other", "/nothing", "/healthz"):
        async with of.site.http.get(of.site.url + path) as response:
            await response.read()
    async with of.site.http.request("BREW", f"{of.site.url}/agents") as response:
        assert response.status == 405
    async with of.site.socket() as socket:
        await socket.send_json({"action": "ping"})
        await socket.receive_json(timeout=30)
    await get_state(METER)

    def count(method: str, route: str, status: int) -> float | None:
        labels = {"http_request_method": method, "http_route": route, "http_response_status_code": str(status)}
        return counts.registry.get_sample_value("understudy_http_seconds_count", labels)

    assert count("GET", "/agents/{agent_id}", 404) == 2
    assert count("GET", "other", 404) == 1
    assert count("GET", "/healthz", 200) == 1
    assert count("other", "other", 405) == 1


async def test_a_probe_without_a_token_is_told_whether_and_not_why(of: House) -> None:
    async with aiohttp.ClientSession() as kubelet, kubelet.get(f"{of.site.url}/readyz") as response:
        assert (response.status, response.headers["retry-after"]) == (503, "2")
        assert "drains" not in await response.text()
    status, answer = await of.site.json("GET", "/readyz")
    assert (status, answer["error"]["message"]) == (503, "the daemon drains")
    wrong = {"authorization": "Bearer wrong"}
    async with (
        aiohttp.ClientSession(headers=wrong) as stranger,
        stranger.get(f"{of.site.url}/readyz") as response,
    ):
        assert response.status == 401
