"""The functions of agent, start_agent and stop_agent refuse invalid arguments, and change nothing then."""

from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import pytest

from actors import NOPROC, CallFailed, InvalidArgument, Mailbox, NoCaller, Pid, ended, get_state
from agents import agent, agent_registry, find_agent, wake
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.core.conversation import UserMessage
from agents.core.response import Response
from agents.settings import Settings
from agents.streaming_function_handler import handle_chat_api_stream
from supervisors import AlreadyStarted, agent_supervisor
from tests.agents.stage import Stage

Call = Callable[..., Any]


class Report:
    """A class of the caller."""


NO_MESSAGES: list[Any] = [
    b"x",
    bytearray(b"x"),
    None,
    5,
    True,
    1.5,
    float("nan"),
    {"a": 1},
    ["x"],
    ("a",),
    Report(),
    complex(1),
]
NO_MESSAGES += [[{"type": "text", "text": "hi"}], Response("one", "one")]
NO_TEXTS = ["\ud800", "half \udfff", "\ud83d\ude00"]


class _Unshown:
    """A value whose repr fails."""

    def __repr__(self) -> str:
        raise ValueError("no repr")


def _nested(depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(depth):
        data = {"a": data}
    return data


SENDING: dict[str, Call] = {
    "chat": agent.chat,
    "steer": agent.steer,
    "stream": agent.stream,
    "stream_chat": agent.stream_chat,
}
"""The functions that send a message."""

ASKING: dict[str, Call] = {
    "answer": lambda pid: agent.answer(pid, "call", "yes"),
    "approve": lambda pid: agent.approve(pid, "call"),
    "cancel": agent.cancel,
    "chat": lambda pid: agent.chat(pid, "hi"),
    "conversation": agent.conversation,
    "deny": lambda pid: agent.deny(pid, "call"),
    "follow": lambda pid: agent.follow(pid, "stream"),
    "info": agent.info,
    "retire": agent.retire,
    "steer": lambda pid: agent.steer(pid, "hi"),
    "stop_agent": agent_supervisor.stop_agent,
    "stream": lambda pid: agent.stream(pid, "hi"),
    "stream_chat": lambda pid: agent.stream_chat(pid, "hi"),
    "subscribe": agent.subscribe,
    "unsubscribe": agent.unsubscribe,
}
"""The functions that take an agent."""

SUBSCRIBING: dict[str, Call] = {
    "subscribe": agent.subscribe,
    "stream_chat": lambda pid, subscriber: agent.stream_chat(pid, "hi", subscriber),
    "follow": lambda pid, subscriber: agent.follow(pid, "stream", subscriber),
    "unsubscribe": agent.unsubscribe,
}


async def outcome(call: Call, *args: Any) -> Any:
    """Return the result or the error of the call; a coroutine is awaited."""
    answer = call(*args)
    return await answer if isinstance(answer, Awaitable) else answer


@pytest.mark.parametrize("send", SENDING)
async def test_a_message_that_is_not_a_str_is_refused_and_leaves_no_trace(stage: Stage, send: str) -> None:
    pid = await stage.agent("echo")
    async with Mailbox():
        for message in NO_MESSAGES:
            with pytest.raises(InvalidArgument, match="expected a str as the message, got ") as caught:
                await outcome(SENDING[send], pid, message)
            assert isinstance(caught.value, TypeError)
        assert await agent.conversation(pid) == ()
        assert (await agent.info(pid)).streams == ()
    assert (await agent.chat(pid, "hello")).answer == "hello"


async def test_a_response_as_the_message_is_refused_with_the_name_of_its_text(stage: Stage) -> None:
    first, second = await stage.agent("echo"), await stage.agent("echo")
    response = await agent.chat(first, "one")
    with pytest.raises(InvalidArgument, match=r"got Response: its text is response\.content"):
        await agent.chat(second, response)  # type: ignore[call-overload]  # the mistake
    assert (await agent.chat(second, response.content)).answer == "one"


async def test_parts_as_the_message_are_refused_with_the_way_out(stage: Stage) -> None:
    pid = await stage.agent("echo")
    for parts in ([{"type": "text", "text": "hi"}], {"role": "user", "content": "hi"}, ("a", "b")):
        with pytest.raises(InvalidArgument, match="a list has Text, Image, Audio and File of `agents`"):
            await agent.chat(pid, parts)  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize("send", SENDING)
async def test_a_message_that_utf_8_can_not_encode_is_refused(stage: Stage, send: str) -> None:
    pid = await stage.agent("echo")
    async with Mailbox():
        for message in NO_TEXTS:
            with pytest.raises(InvalidArgument, match="expected text that UTF-8 can encode as the message"):
                await outcome(SENDING[send], pid, message)
    assert await agent.conversation(pid) == ()


@pytest.mark.parametrize("send", SENDING)
async def test_an_empty_message_is_refused(stage: Stage, send: str) -> None:
    pid = await stage.agent("echo")
    async with Mailbox():
        with pytest.raises(InvalidArgument, match="expected a message that is not empty"):
            await outcome(SENDING[send], pid, "")


async def test_any_other_text_is_a_message(stage: Stage) -> None:
    pid = await stage.agent("echo")
    for message in (" ", "\0", "a\0b", "\U0001f600", "x" * 300_000):
        await agent.chat(pid, message)
        assert UserMessage(message) in await agent.conversation(pid)


async def test_a_message_of_a_subclass_of_str_is_kept_as_a_plain_str(stage: Stage) -> None:
    class Marked(str):
        __slots__ = ("mark",)

        def __str__(self) -> str:
            return "something else"

    pid = await stage.agent("echo")
    assert (await agent.chat(pid, Marked("hello"))).answer == "hello"
    (message, _) = await agent.conversation(pid)
    assert (type(message.content), message.content) == (str, "hello")


async def test_an_agent_that_is_neither_a_pid_nor_an_id_is_refused_in_words(stage: Stage) -> None:
    async with Mailbox():
        for ask, pid in product(ASKING.values(), (None, b"ada", 5, print, Mailbox)):
            with pytest.raises(InvalidArgument, match=r"expected the Pid or the id of an agent, got .*: .*start_agent"):
                await outcome(ask, pid)


async def test_a_pid_of_another_process_is_not_an_agent(stage: Stage) -> None:
    async with Mailbox() as box:
        for name in ASKING.keys() - {"stop_agent"}:
            with pytest.raises(InvalidArgument, match=r"expected the Pid or the id of an agent, got Pid\(\d+\)"):
                await outcome(ASKING[name], box.pid)
        with pytest.raises(TimeoutError):
            await box.receive(0)


async def test_an_agent_that_has_ended_is_refused_at_once(stage: Stage) -> None:
    pid = await stage.agent("echo")
    await agent_supervisor.stop_agent(pid)
    async with Mailbox():
        for name in ASKING.keys() - {"stop_agent", "unsubscribe"}:
            with pytest.raises(CallFailed) as caught:
                await outcome(ASKING[name], pid)
            assert caught.value.reason is NOPROC


async def test_a_subscriber_that_is_not_a_pid_is_refused_and_the_agent_continues(stage: Stage) -> None:
    pid = await stage.agent("echo")
    for subscribe, subscriber in product(SUBSCRIBING.values(), (print, "ui", 5, object(), Mailbox)):
        with pytest.raises(InvalidArgument, match=r"expected the Pid of a process as the subscriber, got "):
            await outcome(subscribe, pid, subscriber)
    assert (await get_state(pid)).subscribers == ()
    assert (await agent.chat(pid, "hello")).answer == "hello"


async def test_a_subscriber_that_has_ended_is_refused(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as gone:
        pass
    for name in SUBSCRIBING.keys() - {"unsubscribe"}:
        with pytest.raises(InvalidArgument, match=r"running process as the subscriber, got Pid\(\d+\): it has ended"):
            await outcome(SUBSCRIBING[name], pid, gone.pid)
    assert (await agent.chat(pid, "hello")).answer == "hello"


async def test_an_ended_subscriber_may_be_unsubscribed_also_from_an_ended_agent(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box:
        agent.subscribe(pid, box.pid)
    agent.unsubscribe(pid, box.pid)
    assert (await get_state(pid)).subscribers == ()
    await agent_supervisor.stop_agent(pid)
    agent.unsubscribe(pid, box.pid)


async def test_without_a_process_a_subscriber_must_be_given(stage: Stage) -> None:
    pid = await stage.agent("echo")
    for subscribe in SUBSCRIBING.values():
        with pytest.raises(NoCaller, match="a call without subscriber_pid expects a calling process"):
            await outcome(subscribe, pid, None)


WRONG: list[Call] = [
    lambda pid: agent.stream_chat(pid, "hi", stream_id="a/b"),
    lambda pid: agent.stream_chat(pid, "hi", stream_id=5),  # type: ignore[arg-type]
    lambda pid: agent.cancel(pid, 5),  # type: ignore[arg-type]
    lambda pid: agent.follow(pid, None),  # type: ignore[arg-type]
    lambda pid: agent.follow(pid, "s", after=-1),
    lambda pid: agent.follow(pid, "s", after="1"),  # type: ignore[arg-type]
    lambda pid: agent.steer(pid, "hi", stream_id=b"s"),  # type: ignore[arg-type]
    lambda pid: agent.approve(pid, None),  # type: ignore[arg-type]
    lambda pid: agent.approve(pid, "c", {"a": 1}),  # type: ignore[arg-type]
    lambda pid: agent.approve(pid, "c", "\ud800"),
    lambda pid: agent.deny(pid, "c", b"no"),  # type: ignore[arg-type]
    lambda pid: agent.deny(pid, "c", "\ud800"),
    lambda pid: agent.deny(pid, "c", stream_id=5),  # type: ignore[arg-type]
]
"""Calls with another wrong argument than the agent, the message or the subscriber."""


async def test_every_other_argument_is_checked_as_well(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox():
        for call in WRONG:
            with pytest.raises(InvalidArgument, match="expected "):
                await outcome(call, pid)


async def test_a_turn_by_the_documented_functions_refuses_a_wrong_subscriber(stage: Stage) -> None:
    state = await get_state(await stage.agent("echo"))
    with pytest.raises(InvalidArgument, match="as the subscriber, got builtin_function_or_method"):
        await handle_chat_api_stream(print, [{"role": "user", "content": "hi"}], state)  # type: ignore[arg-type]


@pytest.mark.usefixtures("stage")
async def test_a_configuration_that_is_not_a_mapping_is_refused_in_words() -> None:
    wrong: list[Any] = [None, "gpt-4o", 5, [], [("model", "echo")]]
    for config in wrong:
        with pytest.raises(InvalidArgument, match="expected the configuration of an agent as a mapping, got "):
            await agent_supervisor.start_agent(config)


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"modle": "echo"}, r"^agent config: modle: expected one of .*; did you mean 'model'\?$"),
        ({"limits": {"tokns": 1}}, r"limits\.tokns: expected one of .*; did you mean 'tokens'\?$"),
        ({"id": "a/b"}, "id: expected an id: 1 to 128 of A-Z a-z 0-9 . _ ~ -, got 'a/b'"),
        ({"owner": "a b"}, "owner: expected a user's name: 1 to 128 of .*, got 'a b'"),
        ({"base_url": "ftp://x"}, "base_url: expected an address that begins with http:// or https://, got 'ftp://x'"),
        ({"name": "\ud800"}, "^agent config: name: expected text that UTF-8 can encode, got half of a surrogate pair$"),
        ({"system_prompt": "\ud800"}, "system_prompt: expected text"),
        ({"model": "\ud800"}, "model: expected text"),
        ({"id": "\ud800"}, "id: expected text"),
        ({"owner": "\ud800"}, "owner: expected text"),
        ({"tools": ["\ud800"]}, r"tools\[0\]: expected text"),
        ({"model_options": {"stop": ["\ud800"]}}, r"model_options\.stop\[0\]: expected text"),
        ({"answer_type": {"title": "\ud800"}}, r"answer_type\.title: expected text"),
        ({"fallbacks": [{"model": "\ud800"}]}, r"fallbacks\[0\]\.model: expected text"),
        (
            {"model_options": _nested(5_000)},
            "model_options: expected JSON nested at most 64 deep.*, got dict$",
        ),
        (
            {"base_url": "http://a b/v1"},
            "base_url: expected an address without spaces and control characters, got 'http",
        ),
        ({"base_url": "http://\x01/v1"}, "base_url: expected an address without spaces"),
        ({"base_url": "http://localhost:1/v1\n"}, "base_url: expected an address without spaces"),
        ({"model_options": {"seed": 10**5_000}}, r"model_options: expected JSON data \(.*\), got dict$"),
        ({"tools": [_nested(5_000)]}, r"tools\[0\]: expected a name, a Tool or a function, got dict$"),
        ({"name": _Unshown()}, "name: expected a valid string, got _Unshown$"),
        ({"answer_type": object()}, r"answer_type: expected a type that pydantic can check, got object: [^\n]*$"),
        (
            {"streaming_config": {"chunk_timeout": 10**400}},
            "chunk_timeout: expected at most 10{12}",
        ),
        ({"limits": {"time": 10**5_000}}, r"limits\.time: .*, got int$"),
        ({"limits": {"tokens": 10**13}}, r"limits\.tokens: expected at most 10{12}"),
        ({"max_queue": True}, "max_queue: expected a number, got True"),
        ({"answer_retries": "2"}, "answer_retries: expected a number, got '2'"),
        ({"stream": "yes"}, "stream: expected a valid boolean, got 'yes'"),
        (
            {"context": {"max_tokens": 10, "reserve": 10}},
            r"context\.reserve: expected less than max_tokens, 10, got 10$",
        ),
        ({"context": {"reserve": 10}}, r"context\.reserve: expected no reserve without max_tokens, got 10$"),
        ({"loops": {"tell": 5, "stop": 5}}, r"loops\.tell: expected less than stop, 5, got 5$"),
        ({"loops": {"tell": 41}}, r"loops\.tell: expected less than stop, 40, got 41$"),
        ({"loops": {"tell": 2, "ask": 4, "stop": 3}}, r"loops\.ask: expected less than stop, 3, got 4$"),
        (
            {"context": {"strategy": "forget"}},
            r"context\.strategy: expected 'trim', 'summarise' or 'fail', got 'forget'",
        ),
        (
            {"context": {"max_token": 10}},
            r"context\.max_token: expected one of max_tokens, .*did you mean 'max_tokens'",
        ),
        ({"name": b"ada"}, "name: expected text that UTF-8 can encode, got bytes"),
    ],
)
def test_an_invalid_configuration_is_one_helpful_line(config: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidAgentConfig, match=line) as caught:
        agent_config({"model": "echo", **config}, Settings())
    assert len(caught.value.faults) == 1


async def test_an_id_that_is_in_use_is_named(stage: Stage) -> None:
    pid = await stage.agent("echo", id="ada")
    with pytest.raises(
        AlreadyStarted, match=rf"expected an id that is not in use, got 'ada', which Pid\({pid.number}\) has"
    ):
        await stage.agent("echo", id="ada")


async def test_a_stream_is_checked_at_its_call_and_not_at_its_first_event(stage: Stage) -> None:
    with pytest.raises(InvalidArgument):
        agent.stream(await stage.agent("echo"), None)  # type: ignore[arg-type]


async def test_the_pid_of_an_agent_that_was_restarted_is_not_served_by_its_successor(stage: Stage) -> None:
    pid: Pid = await stage.agent("echo")
    await agent_supervisor.stop_agent(pid)
    await ended(pid)
    with pytest.raises(CallFailed):
        agent.stream(pid, "hi")


@pytest.mark.usefixtures("stage")
async def test_a_search_for_what_is_no_text_is_refused_in_words() -> None:
    searches: list[tuple[Call, str]] = [
        (find_agent, "the id of an agent"),
        (agent_registry.find_stream, "the id of a stream"),
        (agent_registry.agents_of, "the name of a user"),
    ]
    for search, expected in searches:
        for wrong, got in ((None, "None"), (5, "5"), (b"ada", "bytes"), (["ada"], "list")):
            with pytest.raises(InvalidArgument, match=f"^expected {expected}, got {got}$"):
                search(wrong)
    with pytest.raises(InvalidArgument, match=r"^expected the id of an agent, got 5$"):
        await wake(5)  # type: ignore[arg-type]
