"""Responses in background mode: the events for a client that reconnects."""

import json
from typing import Any

import pytest

from tests.agents.rehearsal.conftest import Perform, Stage, data_of

SCRIPT = """
[models.steady]
turns = [{ steps = [{ text = "One two three." }] }]

[models.breaks]
turns = [{ steps = [{ text = "One two three.", fault = { name = "truncate", after_tokens = 1, times = 2 } }] }]
"""


@pytest.fixture
async def stage(perform: Perform) -> Stage:
    return await perform(SCRIPT)


async def begun(stage: Stage, model: str) -> list[Any]:
    return await stage.response_events(model, background=True)


async def rest(stage: Stage, id_: str, after: int) -> list[Any]:
    url = f"{stage.server.base_url}/responses/{id_}?stream=true&starting_after={after}"
    async with stage.http.get(url) as response:
        return [json.loads(event) for event in data_of(await response.text())]


async def test_the_rest_of_a_response_is_its_events_after_a_number(stage: Stage) -> None:
    events = await begun(stage, "steady")
    id_ = events[0]["response"]["id"]
    assert events[0]["response"]["background"] is True
    for after in range(len(events)):
        assert await rest(stage, id_, after) == events[after + 1 :]


async def test_a_fault_also_breaks_the_rest_until_its_count_is_used(stage: Stage) -> None:
    events = await begun(stage, "breaks")
    id_ = events[0]["response"]["id"]
    for tokens in (2, 3):
        events += await rest(stage, id_, events[-1]["sequence_number"])
        deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
        assert "".join(deltas) == "One two three."[: len("".join(deltas))]
        assert len(deltas) == tokens
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "response.completed"


async def test_a_response_without_streaming_is_whole(stage: Stage) -> None:
    events = await begun(stage, "steady")
    response = await stage.openai.responses.retrieve(events[0]["response"]["id"])
    assert (response.status, response.output_text) == ("completed", "One two three.")


async def test_a_cancelled_response_is_noted(stage: Stage) -> None:
    events = await begun(stage, "steady")
    response = await stage.openai.responses.cancel(events[0]["response"]["id"])
    assert response.status == "cancelled"
    assert stage.server.cancelled == [response.id]


@pytest.mark.parametrize("path", ["/responses/resp_nobody", "/responses/{id}"])
async def test_only_a_background_response_can_be_asked_for_again(stage: Stage, path: str) -> None:
    events = await stage.response_events("steady")
    url = stage.server.base_url + path.format(id=events[0]["response"]["id"])
    async with stage.http.get(url) as response:
        assert response.status == 404


async def test_an_invalid_number_is_refused(stage: Stage) -> None:
    events = await begun(stage, "steady")
    url = f"{stage.server.base_url}/responses/{events[0]['response']['id']}?stream=true&starting_after=soon"
    async with stage.http.get(url) as response:
        assert response.status == 400
