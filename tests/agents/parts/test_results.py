"""Laws of results with images, sounds and files: the model sees them with their call, and no event has their bytes."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents import Image, StreamToolResult, agent
from agents.core.conversation import ToolMessage
from agents.core.events import Event
from agents.core.parts import FilePart, ImagePart
from tests.agents.parts import picture_tools
from tests.agents.parts.picture_tools import SCREEN
from tests.agents.parts.samples import PDF, PNG, WAV, seen
from tests.agents.stage import Stage

SCRIPT = """
[models.shows]
turns = [{ steps = [
    { tool_calls = [{ name = "screenshot", arguments = {} }, { name = "picture", arguments = {} }] },
    { text = "{result:0} {result:1}: {parts}" }] }]

[models.reads]
turns = [{ steps = [
    { tool_calls = [{ name = "from_path", arguments = { folder = "{user}" } }] }, { text = "{result:0}: {parts}" }] }]
"""
NAMES = ("recorded", "too_large", "far_too_large", "forged", "without_process_system")
for name in NAMES:
    SCRIPT += f"""
[models.{name}]
[[models.{name}.turns]]
steps = [{{ tool_calls = [{{ name = "{name}" }}] }}, {{ text = "{{result:0}}: {{parts}}" }}]
"""


async def results(stage: Stage, model: str, api: str, message: str = "go", **config: Any) -> tuple[list[Event], str]:
    """Return the events of the results, and the answer."""
    tools = [getattr(picture_tools, name) for name in ("screenshot", "picture", "from_path", *NAMES)]
    pid = await stage.agent(model, api_preference=api, tools=tools, **config)
    found = [event async for event in agent.stream(pid, message)]
    return [each for each in found if isinstance(each, StreamToolResult)], found[-1].response.content  # type: ignore[union-attr]


async def test_the_model_sees_each_calls_image_in_order(stage: Stage, api: str) -> None:
    events, answer = await results(stage, "shows", api)
    places = "[image 1: screen.png] [image 1: image/png]"
    assert answer == f"{places}: {seen('image/png', SCREEN)}\n{seen('image/png', PNG)}"
    assert all(len(msgspec.json.encode(event)) < 1000 for event in events)


async def test_a_result_names_its_parts_and_the_conversation_has_them(stage: Stage, api: str) -> None:
    pid = await stage.agent("shows", api_preference=api, tools=[picture_tools.screenshot, picture_tools.picture])
    found = [event.result async for event in agent.stream(pid, "go") if isinstance(event, StreamToolResult)]
    assert sorted(part.name for result in found for part in result.parts) == ["", "screen.png"]
    first = next(each for each in await agent.conversation(pid) if isinstance(each, ToolMessage))
    assert [type(part).__name__ for part in first.content] == ["TextPart", "ImagePart"]
    assert (await agent.chat(pid, "again")).content.endswith("\n".join([seen("image/png", PNG)]))


async def test_parts_within_data_have_their_places_there(stage: Stage) -> None:
    (event,), answer = await results(stage, "recorded", "chat")
    assert isinstance(event, StreamToolResult)
    places = ["heard", {"sound": "[audio 1: hello.wav]", "again": "[audio 1: hello.wav]"}, "[file 2: paper.pdf]"]
    assert event.result.value == places
    assert answer.endswith(f": {seen('audio/wav', WAV)}\n{seen('application/pdf', PDF)}")


async def test_a_model_that_takes_no_such_part_gets_its_place(stage: Stage, api: str) -> None:
    (event,), answer = await results(stage, "recorded", api, accepts=["file"])
    assert isinstance(event, StreamToolResult)
    assert len(event.result.parts) == 2
    assert "[audio: hello.wav] (this model can't read it)" in answer
    assert answer.endswith(f": {seen('application/pdf', PDF)}")


async def test_a_tool_returns_a_file_by_its_path(stage: Stage, api: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk.")
    (event,), answer = await results(stage, "reads", api, str(tmp_path))
    assert isinstance(event, StreamToolResult)
    (part,) = event.result.parts
    assert isinstance(part, FilePart)
    assert (part.media_type, part.name) == ("text/plain", "notes.txt")
    assert answer.endswith(": nothing")  # a file of text is text for the model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("too_large", "expected a part of at most 5242880 bytes"),
        ("far_too_large", "expected at most 100 images, sounds and files of 16777216 bytes"),
        ("forged", "image as Image, got text/plain"),
    ],
)
async def test_a_result_beyond_the_limits_is_an_error_of_its_call(stage: Stage, model: str, words: str) -> None:
    (event,), answer = await results(stage, model, "responses")
    assert isinstance(event, StreamToolResult)
    assert event.result.error == "raised"
    assert words in event.result.content
    assert answer.endswith(": nothing")


async def test_a_worker_makes_parts_without_the_process_system(stage: Stage) -> None:
    (event,), _ = await results(stage, "without_process_system", "chat")
    assert isinstance(event, StreamToolResult)
    assert event.result.value == []


def test_a_part_in_progress_is_its_place() -> None:
    from agents.tools.plain import plain

    assert plain({"shot": Image(PNG)}) == {"shot": "[image 1: image/png]"}
    assert ImagePart("0", "image/png", 1).kind == "image"
