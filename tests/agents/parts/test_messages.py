"""Laws of messages with images, sounds and files: what a model sees, and what is refused before the request."""

from pathlib import Path
from typing import Any, cast

import pytest

from actors import InvalidArgument, Mailbox, get_state
from agents import Audio, File, Image, Text, agent
from agents.core.conversation import UserMessage
from agents.core.errors import ContentRefused, StoreFailed
from agents.core.parts import ImagePart, Part, TextPart
from agents.streaming_function_handler import Error, handle_chat_api_stream, handle_responses_api_stream
from tests.agents.parts.samples import GIF, JPEG, MP3, MP3_FRAME, PDF, PNG, SVG, WAV, WEBP, seen
from tests.agents.stage import Stage

SCRIPT = """
[models.waiting]
first_token_delay_s = 0.2
turns = [{ steps = [{ text = "{user} -> {parts}" }] }]

[models.seeing]
turns = [{ steps = [{ text = "{user} -> {parts}" }] }]
"""


async def test_a_model_sees_the_parts_of_a_message_in_order(stage: Stage, api: str) -> None:
    pid = await stage.agent("seeing", api_preference=api)
    answer = await agent.chat(pid, [Text("Look:"), Image(PNG, "a.png"), File(PDF, "b.pdf"), Image(JPEG)])
    parts = [seen("image/png", PNG), seen("application/pdf", PDF), seen("image/jpeg", JPEG)]
    assert answer.content == "Look: -> " + "\n".join(parts)


async def test_the_conversation_has_a_hash_and_a_later_turn_sends_the_bytes_again(stage: Stage, api: str) -> None:
    pid = await stage.agent("seeing", api_preference=api)
    await agent.chat(pid, [Text("Look:"), Image(PNG, "a.png")])
    assert (await agent.chat(pid, "Again?")).content == f"Again? -> {seen('image/png', PNG)}"
    first = (await agent.conversation(pid))[0]
    assert isinstance(first, UserMessage)
    text, image = cast("tuple[Part, ...]", first.content)
    assert text == TextPart("Look:")
    assert isinstance(image, ImagePart)
    assert (image.media_type, image.size_bytes, image.name) == ("image/png", len(PNG), "a.png")


async def test_a_part_alone_is_a_message(stage: Stage) -> None:
    pid = await stage.agent("seeing")
    assert (await agent.chat(pid, Image(GIF))).content == f" -> {seen('image/gif', GIF)}"


async def test_chat_takes_sound_and_responses_refuses_it_before_the_request(stage: Stage) -> None:
    chat = await stage.agent("seeing")
    assert (await agent.chat(chat, [Audio(WAV)])).content == f" -> {seen('audio/wav', WAV)}"
    responses = await stage.agent("seeing", api_preference="responses")
    with pytest.raises(agent.StreamFailed) as failed:
        await agent.chat(responses, [Audio(MP3)])
    assert failed.value.fault == ContentRefused("seeing takes text, file, image, got audio (audio/mpeg)")
    assert await agent.conversation(responses) == ()


async def test_a_file_of_text_reaches_any_model_as_text(stage: Stage, api: str) -> None:
    pid = await stage.agent("seeing", api_preference=api, accepts=[])
    answer = await agent.chat(pid, [File(SVG, "picture.svg")])
    assert answer.content == f"picture.svg:\n\n{SVG.decode()} -> nothing"


async def test_a_kind_that_the_model_does_not_accept_is_refused_before_the_request(stage: Stage, api: str) -> None:
    pid = await stage.agent("seeing", api_preference=api, accepts=["file"])
    with pytest.raises(agent.StreamFailed, match="seeing takes text, file, got image"):
        await agent.chat(pid, [Text("Look:"), Image(PNG)])
    assert (await agent.chat(pid, [File(PDF)])).content == f" -> {seen('application/pdf', PDF)}"


async def test_a_fallback_gets_the_place_of_a_part_that_it_can_not_take(stage: Stage) -> None:
    fallbacks = [{"model": "seeing", "accepts": []}]
    pid = await stage.agent("fault-server_error", fallbacks=fallbacks, streaming_config={"max_retries": 0})
    answer = await agent.chat(pid, [Text("Look:"), Image(PNG, "a.png")])
    assert answer.content == "Look:[image: a.png] (this model can't read it) -> nothing"


BAD: list[tuple[Any, str]] = [
    ([], "a list has Text, Image, Audio and File"),
    (["a", "b"], "a list has Text, Image, Audio and File"),
    ([Text("a"), {"type": "text", "text": "b"}], "a list has Text, Image, Audio and File"),
    ([b"abc"], "a list has Text, Image, Audio and File"),
    (b"abc", r"Image\(data\), Audio\(data\) and File\(data\) take bytes"),
    (bytearray(b"abc"), "take bytes"),
    ({"role": "user"}, "a list has Text, Image, Audio and File"),
    (12, "a str as the message"),
]


@pytest.mark.parametrize(("message", "words"), BAD)
async def test_any_other_message_is_refused_in_words(stage: Stage, message: Any, words: str) -> None:
    pid = await stage.agent("seeing")
    with pytest.raises(InvalidArgument, match=words):
        agent.stream(pid, message)
    for call in (agent.chat, agent.steer):
        with pytest.raises(InvalidArgument, match=words):
            await call(pid, message)


OTHER_FORMATS: list[tuple[Any, bytes]] = [
    (Image, PDF),
    (Image, SVG),
    (Image, b""),
    (Image, b"\x89PNG"),
    (Image, b"RIFF\x1a\x00\x00\x00AVI "),
    (Audio, PNG),
    (Audio, WEBP),
    (Audio, b"\xff\xfe\x00\x00"),
    (File, GIF),
    (File, b"PK\x03\x04"),
    (File, b"a\x00b"),
    (File, b"\xff\xfe"),
    (File, b"\x7fELF\x02"),
]


@pytest.mark.parametrize(("kind", "data"), OTHER_FORMATS)
def test_bytes_of_another_format_are_refused_whatever_their_name_says(kind: Any, data: bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=f"as {kind.__name__}"):
        kind(data, "a.png")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InvalidArgument):
        kind.from_file(tmp_path / "a.png")


@pytest.mark.parametrize("kind", [Image, Audio, File])
def test_a_file_that_can_not_be_read_is_refused_in_one_line(kind: Any, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, "a\0b", None):
        with pytest.raises(InvalidArgument, match=f"expected a file as {kind.__name__}") as refused:
            kind.from_file(path)
        assert "\n" not in str(refused.value)
    with pytest.raises(InvalidArgument, match="from_file"):
        kind("a.png")


def test_the_first_bytes_decide_the_type() -> None:
    types = [Image(WEBP, "a.txt"), Audio(MP3), Audio(MP3_FRAME), File(SVG, "a.html"), Image(JPEG, "a.gif")]
    assert [part.media_type for part in types] == ["image/webp", "audio/mpeg", "audio/mpeg", "text/plain", "image/jpeg"]


async def test_a_part_joins_a_running_turn(stage: Stage, api: str) -> None:
    pid = await stage.agent("waiting", api_preference=api)
    events = agent.stream(pid, "Wait")
    await anext(events)
    assert await agent.steer(pid, [Text("Look:"), Image(PNG)])
    async for _ in events:
        pass
    steered = (await agent.conversation(pid))[-2]
    assert isinstance(steered, UserMessage)
    assert isinstance(steered.content[1], ImagePart)


async def test_bytes_that_the_agent_does_not_have_end_the_turn_and_not_the_agent(stage: Stage, api: str) -> None:
    pid = await stage.agent("seeing", api_preference=api)
    state = await get_state(pid)
    messages = (UserMessage((ImagePart("0" * 64, "image/png", 1),)),)
    run = handle_responses_api_stream if api == "responses" else handle_chat_api_stream
    async with Mailbox() as box:
        ended = await run(box.pid, messages, state)
    assert isinstance(ended, Error)
    assert ended.reason == StoreFailed(f"this session has no part {'0' * 64}")
