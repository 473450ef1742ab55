"""A daemon that is killed while a question waits: the next one asks again, and sends what the first could not send."""

import os
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from agents.client import Client
from agents.core.events import Event, StreamApprovalRequired, StreamComplete
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import Daemon, daemon
from tests.agents.scripts import call, calling
from tests.agents.webhooks.receiver import SECRET, receiving

pytestmark = pytest.mark.timeout(180)

SCRIPT = calling(
    "host",
    call("ask_user", question="Which colour?", choices=["red", "blue"], default="blue"),
    call("ask_user", question="Your name?"),
    text="{result:0} for {result:1}",
)
CONFIG = """
[{agents, [{tools, [{workers, 1}]}]},
 {understudy, [{agents, [[{id, "host"}, {model, "host"}, {tools, [ask_user]}]]},
               {webhooks, [[{url, "URL/hook"}, {secret, {env, "HOOK"}}, {events, [question, complete]}]]}]}].
"""


async def asked(client: Client, seq: int = 0) -> dict[str, str]:
    """Return the ids of the calls by their questions, after this seq."""
    found: dict[str, str] = {}
    async with aclosing(client.ask("host", "begin", "s") if not seq else client.events("s", seq)) as events:
        async for event in events:
            if isinstance(event, StreamApprovalRequired) and event.question is not None:
                found[event.question.text] = event.tool_call.id
            if len(found) == 2:
                return found
    raise AssertionError(f"expected two questions, got {found}")


async def answer_of(client: Client) -> str:
    last: Event | None = None
    async with aclosing(client.events("s")) as events:
        async for event in events:
            last = event
    assert isinstance(last, StreamComplete)
    return last.response.answer


async def kill(running: Daemon) -> None:
    os.kill(running.process.pid, signal.SIGKILL)
    await running.ended()


async def test_a_question_is_asked_again_answered_and_announced_after_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with RehearsalServer(builtin() | parse(SCRIPT, "killed")) as server, receiving() as receiver:
        (tmp_path / "sys.config").write_text(CONFIG.replace("URL", receiver.url))
        arguments = ("--config", str(tmp_path / "sys.config"))
        receiver.statuses = [503, 503]
        async with daemon(server, state, *arguments, HOOK=SECRET) as first, first.client() as client:
            before = await asked(client)
            await receiver.until(2)
            await kill(first)
        async with daemon(server, state, *arguments, HOOK=SECRET) as second, second.client() as client:
            assert await asked(client, seq=1) == before
            here = ("--state-dir", str(state))
            code, listed, _ = await understudy("inbox", *here)
            assert code == 0
            assert [line for line in listed.splitlines() if "understudy answer" in line] == [
                f"    understudy answer s {call_id} ANSWER --state-dir {state}" for call_id in before.values()
            ]
            assert "Which colour? [red, blue]" in listed
            code, listed, err = await understudy("answer", "s", "Ada", *here)
            assert (code, listed) == (3, "")
            assert "expected the beginning of one id" in err
            red = {"call_id": before["Which colour?"], "answer": "red"}
            assert (await client.post("/streams/s/answer", red))["decision"] == "answered"
            assert (await understudy("answer", "s", "Ada", *here))[:2] == (0, "answered\n")
            assert await answer_of(client) == "red for Ada"
            await receiver.until(5)
            again = {each: receiver.ids.count(each) for each in receiver.ids}
            assert sorted(again.values()) == [1, 2, 2]
            assert {each["type"] for each in receiver.messages} == {"turn.question", "turn.complete"}
            assert await second.stopped() == 0
