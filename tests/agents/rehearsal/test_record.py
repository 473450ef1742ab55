"""A run against a provider is recorded, and the record rehearses to the same events."""

import asyncio
import json
import signal
import sys
import tomllib
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from agents import agent, application
from agents.rehearsal import RehearsalServer, Script, parse
from agents.rehearsal.record.cleaning import Cleaner
from agents.rehearsal.record.proxy import RecordingProxy
from agents.settings import Settings
from agents.testing.comparable import snapshot
from agents.testing.recording import record
from agents.tools.builtin.calculator import calculator
from supervisors.agent_supervisor import start_agent

KEY = "sk-of-the-caller-0123456789"
PLAY = parse("""
[[models.m.turns]]
match = "sum"
[[models.m.turns.steps]]
reasoning = "Two sums."
text = "Let me {tool:none} count."
tool_calls = [
    { name = "calculator", arguments = { expression = "1 + 1" } },
    { name = "calculator", arguments = { expression = "2 + 2" } },
]
split_chars = 3
interleaved = true
[[models.m.turns.steps]]
text = "Two and {result:1}, says the \\"tool\\"\\u007f."
usage = { input_tokens = 40, output_tokens = 9, cached_tokens = 30, reasoning_tokens = 2 }

[[models.m.turns]]
match = "busy"
steps = [{ text = "At last.", fault = { name = "rate_limit", times = 2, retry_after_s = 0.02 } }]

[[models.m.turns]]
match = "gone"
steps = [{ fault = { name = "refused", status = 404, message = "No such model.", code = "model_not_found" } }]

[[models.m.turns]]
match = "long"
steps = [{ text = "one two three four", fault = { name = "length", after_tokens = 2 } }]

[[models.m.turns]]
match = "error"
steps = [{ text = "one two three", fault = { name = "error_event", after_tokens = 2, message = "Broken." } }]

[[models.m.turns]]
match = "drop"
steps = [{ text = "one two three", fault = { name = "drop", after_tokens = 2 } }]

[[models.m.turns]]
match = "close"
steps = [{ text = "one two three", fault = { name = "close", after_tokens = 2 } }]

[[models.m.turns]]
match = "truncate"
steps = [{ text = "one two three", fault = { name = "truncate", after_tokens = 1 } }]

[[models.m.turns]]
steps = [{ text = "You said {user}." }]
""")
MESSAGES = ("the sums", "busy?", "gone?", "long", "error", "drop", "close", "truncate", "hello", "hello there")


@asynccontextmanager
async def recording(
    script: Script, changed: Callable[[], object] = lambda: None, *, paced: bool = False
) -> AsyncIterator[RecordingProxy]:
    async with RehearsalServer(script) as server, RecordingProxy(server.base_url, changed, paced=paced) as proxy:
        yield proxy


async def played(base_url: str, **config: Any) -> list[list[dict[str, Any]]]:
    """Return what an agent publishes for each message, with a session of its own."""
    seen = []
    async with application.running(Settings()):
        for message in MESSAGES:
            pid = await start_agent(
                {
                    "model": "m",
                    "base_url": base_url,
                    "api_key": KEY,
                    "tools": [calculator],
                    "streaming_config": {"max_retries": 2},
                    **config,
                }
            )
            events = await record(pid, message)
            assert events
            seen.append(snapshot(events))
    return seen


@pytest.mark.parametrize(
    "config",
    [{"api_preference": "chat"}, {"api_preference": "responses"}, {"api_preference": "chat", "stream": False}],
    ids=["chat", "responses", "whole"],
)
async def test_a_recorded_run_rehearses_to_the_same_events(config: dict[str, Any]) -> None:
    async with recording(PLAY) as proxy:
        real = await played(proxy.base_url, **config)
        text = proxy.record.script() or ""
    assert KEY not in text
    async with RehearsalServer(parse(text)) as server:
        rehearsed = await played(server.base_url, **config)
    for message, one, other in zip(MESSAGES, real, rehearsed, strict=True):
        assert other == one, message


async def test_a_recorded_step_has_the_tokens_the_deltas_the_usage_and_the_pace() -> None:
    async with recording(PLAY, paced=True) as proxy:
        await played(proxy.base_url)
        script = tomllib.loads(proxy.record.script() or "")
    turns = {turn["match"]: turn["steps"] for turn in script["models"]["m"]["turns"]}
    first, second = turns["the sums"]
    assert "".join(first["text"]) == "Let me {tool:none} count."
    assert [call["arguments"] for call in first["tool_calls"]] == [
        ['{"e', "xpr", "ess", "ion", '":"', "1 +", ' 1"', "}"],
        ['{"e', "xpr", "ess", "ion", '":"', "2 +", ' 2"', "}"],
    ]
    assert second["usage"] == {"input_tokens": 40, "output_tokens": 9, "cached_tokens": 30, "reasoning_tokens": 2}
    assert second["first_token_delay_s"] >= 0
    assert second["token_delay_s"] >= 0
    assert turns["busy?"][0]["fault"]["times"] == 2
    assert next(iter(turns)) == "hello there"  # before "hello", which fits the same messages


async def test_each_chunk_passes_at_once_and_a_client_that_leaves_closes_the_connection() -> None:
    slow = parse("""
    [[models.m.turns]]
    steps = [{ text = "one two three", fault = { name = "stall", after_tokens = 2 } }]
    """)
    recorded = asyncio.Event()
    async with recording(slow, recorded.set) as proxy, aiohttp.ClientSession() as http:
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        async with http.post(f"{proxy.base_url}/chat/completions", json=body) as answer:
            seen = b""
            while b"two" not in seen:
                seen += await answer.content.readany()
        await recorded.wait()
        script = tomllib.loads(proxy.record.script() or "")
    (turn,) = script["models"]["m"]["turns"]
    assert turn["steps"] == [{"text": ["one", " two"], "fault": {"name": "stall", "after_tokens": 2}}]


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_an_error_without_an_end_is_the_error_and_no_silence(api: str) -> None:
    """Our client leaves after the error, as a provider may keep the connection open."""
    error = {"message": "Broken.", "code": "500"}
    events = [{"error": error}] if api == "chat" else [{"type": "error", **error}]

    async def answer(http: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(http)
        for event in events:
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        await asyncio.Event().wait()
        return response

    upstream, recorded = web.Application(), asyncio.Event()
    upstream.router.add_route("*", "/{any:.*}", answer)
    async with TestServer(upstream) as server:
        url = str(server.make_url("/v1"))
        async with RecordingProxy(url, recorded.set, paced=False) as proxy, application.running(Settings()):
            config = {"base_url": proxy.base_url, "api_key": KEY, "api_preference": api, "model": "m"}
            await record(await start_agent({**config, "streaming_config": {"max_retries": 0}}), "hello")
            await recorded.wait()
            (turn,) = tomllib.loads(proxy.record.script() or "")["models"]["m"]["turns"]
    assert turn["steps"] == [{"text": [], "fault": {"name": "error_event", "after_tokens": 0, **error}}]


async def test_other_requests_pass_unrecorded() -> None:
    async with recording(PLAY) as proxy, aiohttp.ClientSession() as http:
        async with http.get(f"{proxy.base_url}/models?limit=1") as answer:
            assert [each["id"] for each in (await answer.json())["data"]] == ["m"]
        async with http.post(f"{proxy.base_url}/chat/completions", data=b"{") as answer:
            assert answer.status == 400
        assert proxy.record.script() is None


async def test_a_provider_out_of_reach_is_a_bad_gateway() -> None:
    async with (
        RecordingProxy("http://127.0.0.1:9/v1", lambda: None) as proxy,
        aiohttp.ClientSession() as http,
        http.get(f"{proxy.base_url}/models") as answer,
    ):
        assert answer.status == 502
        assert (await answer.json())["error"]["message"].startswith("The provider can't be reached: ")


# Secrets and personal data

PERSONAL = """
[[models.m.turns]]
[[models.m.turns.steps]]
text = [
    "Write to An", "n.B@exam", "ple.org or ann.b@example.org, call +49 30 ", "1234567, ", "use sk-abcdefgh", "ijklmnop",
    " or Bearer abc.def-123456", ". It costs 717710 on 2026-11-29.",
]
tool_calls = [{ name = "calculator", arguments = ['{"expression": "mail(', "bob@x.org", ')"}'] }]
[[models.m.turns.steps]]
text = "Done, {tool:calculator}"
"""


async def test_secrets_and_personal_data_become_the_same_placeholders_each_time() -> None:
    async with recording(parse(PERSONAL)) as proxy:
        async with application.running(Settings()):
            config = {"model": "m", "base_url": proxy.base_url, "api_key": KEY, "tools": [calculator]}
            pid = await start_agent(config)
            await agent.chat(pid, "Remind ann.b@example.org of the meeting on Monday, +49 30 1234567")
        text = proxy.record.script() or ""
    (turn,) = tomllib.loads(text)["models"]["m"]["turns"]
    assert turn["match"] == "of the meeting on Monday,"
    step = turn["steps"][0]
    assert "".join(step["text"]) == (
        "Write to <email-1> or <email-1>, call <phone-1>, use <secret-1> or Bearer <secret-2>. "
        "It costs 717710 on 2026-11-29."
    )
    assert len(step["text"]) == 8
    assert json.loads("".join(step["tool_calls"][0]["arguments"])) == {"expression": "mail(<email-2>)"}
    for secret in ("ann.b", "Ann.B", "bob@", "1234567", "sk-abcdefgh", "def-123456", KEY):
        assert secret not in text


@pytest.mark.parametrize(
    "text",
    [
        "717710",
        "2026-11-29T12:00:00",
        "1.2.3.4",
        "3.14159265358979",
        "v1.20.300-4000",
        "user@host",
        "a+b=c",
        "skill-set",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert Cleaner().clean(f"it is {text} here") == f"it is {text} here"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("(555) 123-4567 or 555-123-4567", "<phone-1> or <phone-1>"),
        ("+1 (555) 123-4567; 030 1234567", "<phone-1>; <phone-2>"),
        ('{"api_key": "abcd1234"}', '{"api_key": "<secret-1>"}'),
        ("password=hunter22 and PASSWORD: hunter22", "password=<secret-1> and PASSWORD: <secret-1>"),
        ("https://me:pw@host/", "https://<secret-1>@host/"),
        ("AKIAABCDEFGHIJKLMNOP ghp_abcdefghijklmnopqrst", "<secret-1> <secret-2>"),
    ],
)
def test_values_that_look_like_secrets_or_phone_numbers_are_replaced(text: str, cleaned: str) -> None:
    assert Cleaner().clean(text) == cleaned


@given(st.text(alphabet="ab @.org+1234567890-", max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_any_cut_into_tokens_is_cleaned_as_the_whole_text(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    tokens = [text[begin:end] for begin, end in pairwise(edges)]
    cleaned = Cleaner().tokens(tokens)
    assert "".join(cleaned) == Cleaner().clean(text)
    assert len(cleaned) == len(tokens)


# The command


async def test_the_command_writes_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    out = tmp_path / "record.toml"
    async with RehearsalServer(PLAY) as server:
        command = (sys.executable, "-m", "agents", "record", "--upstream", server.base_url, "--out", str(out))
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
        try:
            assert process.stdout is not None
            line = (await process.stdout.readline()).decode()
            base_url = line.removeprefix("recording proxy on ").strip()
            body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
            async with aiohttp.ClientSession() as http:
                headers = {"authorization": f"Bearer {KEY}"}
                async with http.post(f"{base_url}/chat/completions", json=body, headers=headers) as answer:
                    assert (await answer.json())["choices"][0]["message"]["content"] == "You said hello."
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert out.stat().st_mode & 0o777 == 0o600
    assert set(parse(out.read_text()).models) == {"m"}
    again = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    _, complaint = await again.communicate()
    assert (again.returncode, complaint.decode()) == (2, f"--out: expected a new file, got {out}, which exists\n")
