"""Large results: kept whole with the session, shortened for the model, and read by their handle."""

import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import InvalidAgentConfig, InvalidTool, StreamToolResult, ToolResult, agent, tool
from agents.core.conversation import ToolMessage
from agents.core.large_result import LargeResult, LargeResults, handles_in, matches, piece, shown
from agents.parts.store import MOST_RESULT_BYTES, MemoryParts, UnknownPart
from tests.agents.stage import Stage

LINES = "".join(f"line {number}: \u00e4\n" for number in range(5_000))
SCRIPT = """
[models.reader]
[[models.reader.turns]]
match = "handle"
steps = [{ tool_calls = [{ name = "read_result", arguments = "{user}" }] }, { text = "done" }]
[[models.reader.turns]]
steps = [{ tool_calls = [{ name = "log", arguments = {} }] }, { text = "done" }]
"""


@tool
def log() -> str:
    """Return a long log."""
    return LINES


@tool(large_results="whole")
async def all_of_it() -> str:
    """Return a long log that the model wants whole."""
    return LINES


async def result_of(pid: Any, message: str = "go") -> ToolResult:
    (result,) = [event.result async for event in agent.stream(pid, message) if isinstance(event, StreamToolResult)]
    return result


@hypothesis.settings(max_examples=20)
@given(st.text(min_size=2000, max_size=4000), st.integers(1024, 1600))
def test_a_shortened_result_has_the_beginning_the_end_and_the_handle(text: str, size: int) -> None:
    short = shown(text, LargeResult("a" * 64, len(text.encode()), len(text)), size)
    place = short.index("a" * 64) if "a" * 64 not in text else 0
    assert place or "a" * 64 in text
    head = int(short[place:].partition("offset=")[2].partition(";")[0]) if place else 0
    assert short.startswith(text[:head])
    assert short[-20:] in text or "]" in short[-22:]
    assert len(short.encode()) < size + 400


@given(st.text(max_size=300), st.integers(1, 50))
def test_pieces_one_after_the_other_are_the_whole_text(text: str, limit: int) -> None:
    read, offset = "", 0
    while offset < len(text):
        body = piece(text, offset, limit)
        read += body[: min(limit, len(text) - offset)]
        offset += limit
    assert read == text


def test_a_search_gives_places_and_says_where_to_search_on() -> None:
    assert matches("one Two one", "two", 0, 100) == "offset 4: one Two one"
    assert matches("one", "two", 0, 100).startswith("[no 'two'")
    first = matches("x" * 50 + "needle" * 50, "needle", 0, 300)
    assert first.splitlines()[0].startswith("offset 50: ")
    assert first.splitlines()[-1].startswith("[there are more: offset=")


def test_the_handles_of_a_conversation_are_found_in_its_texts() -> None:
    assert [*handles_in([ToolMessage("c", "log", f'handle="{"b" * 64}"'), ToolMessage("c", "log", "none")])] == [
        "b" * 64
    ]


@pytest.mark.parametrize("isolation", ["process", "task"])
async def test_the_model_gets_a_part_of_a_large_result_and_reads_the_rest(stage: Stage, isolation: str) -> None:
    used = log if isolation == "process" else tool(name="log", description="A log.")(all_of_it.function)
    pid = await stage.agent("reader", tools=[used], large_results={"shown_bytes": 1024})
    result = await result_of(pid)
    assert result.large is not None
    assert (result.large.size_bytes, result.large.chars, result.value) == (len(LINES.encode()), len(LINES), None)
    assert result.content.startswith("line 0: ä\nline 1")
    assert result.content.endswith("line 4999: ä\n")
    assert await agent.part(pid, result.large.handle) == LINES.encode()
    asked = {"handle": result.large.handle, "search": "line 777:"}
    assert "offset " in (await result_of(pid, json.dumps(asked))).content
    read = await result_of(pid, json.dumps({"handle": result.large.handle, "offset": 10, "limit": 8}))
    assert read.content.startswith(LINES[10:18] + "\n\n[characters 10 to 18 of ")
    whole = await result_of(pid, json.dumps({"handle": result.large.handle, "whole": True}))
    assert (whole.content, whole.large) == (LINES, None)


async def test_a_handle_of_another_session_is_refused(stage: Stage) -> None:
    config: Any = {"tools": [log], "large_results": {}}
    first, second = await stage.agent("reader", **config), await stage.agent("reader", **config)
    kept = (await result_of(first)).large
    assert kept is not None
    refused = await result_of(second, json.dumps({"handle": kept.handle}))
    assert refused.error == "raised"
    assert "no result with this handle" in refused.content


async def test_a_small_result_and_one_that_a_tool_wants_whole_stay_inline(stage: Stage) -> None:
    whole = tool(name="log", description="A log.", large_results="whole")(all_of_it.function)
    pid = await stage.agent("reader", tools=[whole], large_results={})
    result = await result_of(pid)
    assert (result.content, result.large) == (LINES, None)
    assert not LargeResults(100, 50, 1000).put_aside("ä" * 50)
    assert LargeResults(100, 50, 1000).put_aside("ä" * 51)


async def test_a_result_of_more_than_a_mebibyte_is_kept_up_to_max_bytes(stage: Stage) -> None:
    @tool(name="log")
    async def longer() -> str:
        """Return 3 MB."""
        return "x" * 3_000_000

    pid = await stage.agent("reader", tools=[longer], large_results={"max_bytes": 2_000_000})
    kept = (await result_of(pid)).large
    assert kept is not None
    assert 2_000_000 <= kept.size_bytes < 2_000_100


@tool
def six_megabytes() -> str:
    """Return 6 MB of characters that JSON escapes."""
    return "\x01" * 6_000_000


async def test_a_large_result_of_a_worker_process_arrives_whole(stage: Stage) -> None:
    used = tool(name="log", description="A log.")(six_megabytes.function)
    pid = await stage.agent("reader", tools=[used], large_results={})
    kept = (await result_of(pid)).large
    assert kept is not None
    assert kept.chars == 6_000_000


async def test_results_in_memory_have_a_limit_and_the_oldest_are_dropped() -> None:
    parts, size = MemoryParts(), MOST_RESULT_BYTES // 3
    for key in "abcd":
        await parts.put_result(key, bytes(size))
    with pytest.raises(UnknownPart):
        await parts.get(["a"])
    assert len(await parts.get(["b", "c", "d"])) == 3


async def test_invalid_settings_and_a_second_read_result_are_refused(stage: Stage, tmp_path: Path) -> None:
    @tool(name="read_result")
    async def own() -> str:
        """Read."""
        return ""

    for config in ({"shown_bytes": 30_000}, {"max_bytes": 2000}, {"inline_bytes": 1}, {"max_bytes": 2**30}):
        with pytest.raises(InvalidAgentConfig, match="large_results"):
            await stage.agent("reader", large_results=config)
    with pytest.raises(InvalidAgentConfig, match="read_result"):
        await stage.agent("reader", tools=[own], large_results={})
    with pytest.raises(InvalidTool, match="large_results: expected aside or whole"):
        tool(large_results="half")(all_of_it.function)  # type: ignore[call-overload]  # the mistake
