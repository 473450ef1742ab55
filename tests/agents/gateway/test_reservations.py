"""Reserved message ids: once, for one user, for a limited time, and on every route."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.gateway.errors import Refusal
from agents.gateway.reservations import MOST, RESERVED_S, Reservations
from tests.agents.gateway.users import ANN, BOB, ROOT, House, house

CREATE = "/message/stream/m1/create"


@pytest.fixture(params=["live", "kept"])
async def of(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with house([ANN, BOB, ROOT], tmp_path / "s.db" if request.param == "kept" else None) as found:
        yield found


async def test_one_of_many_simultaneous_reservations_of_an_id_succeeds(of: House) -> None:
    async with of.client(ANN) as ann:
        statuses = [(await each)[0] for each in [ann.json("POST", CREATE) for _ in range(5)]]
        assert statuses == [201, 409, 409, 409, 409]
        found = await asyncio.gather(*(ann.json("POST", "/message/stream/m2/create") for _ in range(5)))
        assert sorted(status for status, _ in found) == [201, 409, 409, 409, 409]


async def test_a_reserved_id_belongs_to_its_user_on_every_route(of: House) -> None:
    async with of.client(ANN) as ann, of.client(BOB) as bob, of.client(ROOT) as root:
        await ann.json("POST", "/agents", {"id": "anns", "model": "echo"})
        await bob.json("POST", "/agents", {"id": "bobs", "model": "echo"})
        status, answer = await ann.json("POST", CREATE)
        assert (status, answer) == (201, {"assistant_message_id": "m1", "expires_in_s": 600.0})
        for other in (bob, root):
            assert (await other.json("POST", CREATE))[0] == 409
            asked = {"query": "x", "session_id": "bobs", "assistant_message_id": "m1"}
            assert (await other.json("POST", "/api/agent/chat/stream", asked))[0] == 409
            for route in ("chat", "stream"):
                asked = {"message": "x", "stream_id": "m1"}
                assert (await other.json("POST", f"/agents/bobs/{route}", asked))[0] == 409
            async with other.socket() as socket:
                await socket.send_json({"action": "stream_chat", "agent_id": "bobs", "message": "x", "stream_id": "m1"})
                assert (await socket.receive_json(timeout=30))["code"] == "conflict"
        assert (await ann.stream("anns", "one two", stream_id="m1"))[-1].name == "complete"
        assert (await ann.json("POST", CREATE))[0] == 409


async def test_new_settings_leave_reservations_as_they_are(of: House) -> None:
    async with of.client(ANN) as ann:
        assert (await ann.json("POST", CREATE))[0] == 201
        of.tokens(ANN, BOB)
        assert (await ann.json("POST", CREATE))[0] == 409


def test_a_reservation_ends_with_its_time() -> None:
    now_s = [0.0]
    held = Reservations(lambda: now_s[0])
    held.reserve("m1", "ann")
    now_s[0] = RESERVED_S - 1
    with pytest.raises(Refusal):
        held.check("m1", "bob")
    held.reserve("m2", "ann")
    now_s[0] = RESERVED_S
    held.check("m1", "bob")
    held.reserve("m1", "bob")
    with pytest.raises(Refusal):
        held.check("m2", "bob")


def test_a_user_reserves_a_limited_number_and_other_users_are_not_affected() -> None:
    now_s = [0.0]
    held = Reservations(lambda: now_s[0])
    for number in range(MOST):
        held.reserve(f"m{number}", "ann")
    now_s[0] = 99.5
    with pytest.raises(Refusal) as refused:
        held.reserve("one-more", "ann")
    assert (refused.value.status, refused.value.retry_after_s) == (429, 501)
    held.reserve("bobs", "bob")
    now_s[0] = RESERVED_S
    held.reserve("one-more", "ann")
