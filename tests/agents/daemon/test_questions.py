"""A person at a terminal decides about calls: in a chat, and with commands."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from xml.etree import ElementTree

import pytest

from agents.client import Client
from agents.core.events import StreamApprovalRequired, StreamComplete
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import environment
from tests.agents.cli.test_prompt import PROMPT, Screen, terminal
from tests.agents.daemon.daemons import Daemon, daemon

pytestmark = pytest.mark.timeout(180)

SCRIPT = """
[models.buyer]
[[models.buyer.turns]]
[[models.buyer.turns.steps]]
tool_calls = [{ name = "pays", arguments = { path = "{user}", euros = 1 } }]
[[models.buyer.turns.steps]]
text = "**Said**: {result:0}."

[models.host]
[[models.host.turns]]
[[models.host.turns.steps]]
tool_calls = [{ name = "ask_user", arguments = { question = "Which colour?", choices = ["red", "blue"] } }]
[[models.host.turns.steps]]
text = "**Said**: {result:0}."
"""
CONFIG = """
[{agents, [{tools, [{workers, 1}]}]},
 {understudy, [{agents, [[{id, "buyer"}, {model, "buyer"}, {tools, ["tests.agents.daemon.guarded_tools:pays"]}],
                         [{id, "host"}, {model, "host"}, {tools, [ask_user]}]]}]}].
"""
QUESTION = "approve? [y/N/e]"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Daemon]:
    (tmp_path / "sys.config").write_text(CONFIG)
    arguments = ("--config", str(tmp_path / "sys.config"))
    async with (
        RehearsalServer(builtin() | parse(SCRIPT, "questions")) as server,
        daemon(server, tmp_path / "state", *arguments) as started,
    ):
        yield started
        await started.stopped()


async def asked(screen: Screen, bill: Path) -> None:
    """Send a message, and wait for the question about its call."""
    await screen.until(PROMPT)
    screen.type(f"{bill}\r".encode())
    assert f'pays {{"path":"{bill}","euros":1}}' in (await screen.until(QUESTION)).replace("\n", "")


async def test_yes_runs_the_call_and_the_answer_follows(running: Daemon, tmp_path: Path) -> None:
    bill = tmp_path / "bill"
    with terminal("chat", "--agent", "buyer", "--state-dir", str(running.folder), env=environment()) as screen:
        await asked(screen, bill)
        assert not bill.exists()
        screen.type(b"y\r")
        shown = await screen.until("Said: paid 1.")  # formatted: the stars are gone
        assert "decided elsewhere" not in shown
        assert bill.read_text() == "paid 1\n"
        await screen.until(PROMPT)


@pytest.mark.parametrize("keys", [b"\r", b"n\r", b"\x04"])
async def test_enter_no_and_the_end_of_the_input_deny_the_call(running: Daemon, tmp_path: Path, keys: bytes) -> None:
    bill = tmp_path / "bill"
    with terminal("chat", "--agent", "buyer", "--state-dir", str(running.folder), env=environment()) as screen:
        await asked(screen, bill)
        screen.type(keys)
        await screen.until("denied")
        await screen.until(PROMPT)
    assert not bill.exists()


async def test_another_word_decides_nothing_and_is_asked_again(running: Daemon, tmp_path: Path) -> None:
    bill = tmp_path / "bill"
    with terminal("chat", "--agent", "buyer", "--state-dir", str(running.folder), env=environment()) as screen:
        await asked(screen, bill)
        screen.type(b"yse\r")
        await screen.until("expected y, n, e or Enter, got 'yse'")
        await screen.until(QUESTION)
        screen.type(b"y\r")
        await screen.until("Said: paid 1.")
        await screen.until(PROMPT)


async def test_a_call_runs_with_edited_arguments_and_the_model_is_told(running: Daemon, tmp_path: Path) -> None:
    bill = tmp_path / "bill"
    edited = f'{{"path": "{bill}", "euros": 2}}'
    with terminal("chat", "--agent", "buyer", "--state-dir", str(running.folder), env=environment()) as screen:
        await asked(screen, bill)
        screen.type(b"e\r")
        await screen.until("arguments: ")
        screen.type(b'\x01\x0b{"euros": }\r')  # to the begin of the line, and delete the rest
        await screen.until("expected JSON")
        await screen.until("arguments: ")
        screen.type(b'\x01\x0b{"euros": 2}\r')
        await screen.until("path")
        await screen.until(QUESTION)
        screen.type(b"e\r")
        await screen.until("arguments: ")
        screen.type(b"\x01\x0b" + edited.encode() + b"\r")
        answer = " ".join((await screen.until("tokens/s")).split())
        assert "The user changed the arguments of this call to:" in answer
        await screen.until(PROMPT)
    assert bill.read_text() == "paid 2\n"


async def test_a_question_ends_when_another_client_decides(running: Daemon, tmp_path: Path) -> None:
    bill = tmp_path / "bill"
    here = ("--state-dir", str(running.folder))
    with terminal("chat", "--agent", "buyer", *here, env=environment()) as screen:
        await asked(screen, bill)
        code, listed, _ = await understudy("approvals", *here)
        assert code == 0
        assert listed.startswith(f'buyer: pays {{"path":"{bill}","euros":1}} (denied in ')
        command = listed.splitlines()[1].split()
        assert command[:2] == ["understudy", "approve"]
        assert await understudy(*command[1:], *here) == (0, "approved\n", "")
        await screen.until("(decided elsewhere)")
        await screen.until("Said: paid 1.")
    assert await understudy("approvals", *here) == (0, "no call waits for a decision\n", "")


async def test_a_question_of_the_model_is_answered_in_the_chat_and_in_the_inbox(running: Daemon) -> None:
    here = ("--state-dir", str(running.folder))
    with terminal("chat", "--agent", "host", *here, env=environment()) as screen:
        await screen.until(PROMPT)
        screen.type(b"begin\r")
        assert "2. blue" in await screen.until("answer:")
        screen.type(b"green\r")
        await screen.until("expected one of 'red', 'blue', got 'green'")
        await screen.until("answer:")
        screen.type(b"2\r")
        await screen.until("Said: blue.")
        await screen.until(PROMPT)
        screen.type(b"again\r")
        await screen.until("answer:")
        with terminal("inbox", *here, env=environment()) as inbox:
            shown = await inbox.until("answer [Enter: later]:")
            assert "host: waits" in shown
            assert "Which colour? [red, blue]" in shown
            inbox.type(b"green\r")
            await inbox.until("expected one of 'red', 'blue', got 'green'")
            await inbox.until("answer [Enter: later]:")
            inbox.type(b"red\r")
            await screen.until("(decided elsewhere)")
        await screen.until("Said: red.")
        await screen.until(PROMPT)


async def test_the_inbox_takes_only_yes_and_no_for_a_decision(running: Daemon, tmp_path: Path) -> None:
    here, bill = ("--state-dir", str(running.folder)), tmp_path / "bill"
    with terminal("chat", "--agent", "buyer", *here, env=environment()) as screen:
        await asked(screen, bill)
        with terminal("inbox", *here, env=environment()) as inbox:
            await inbox.until("approve? [y/n, Enter: later]")
            inbox.type(b"ok\r")
            await inbox.until("expected y, n or Enter, got 'ok'")
            await inbox.until("approve? [y/n, Enter: later]")
            assert not bill.exists()
            inbox.type(b"y\r")
            await screen.until("(decided elsewhere)")
        await screen.until("Said: paid 1.")


async def test_ctrl_c_at_the_question_cancels_the_turn(running: Daemon, tmp_path: Path) -> None:
    with terminal("chat", "--agent", "buyer", "--state-dir", str(running.folder), env=environment()) as screen:
        await asked(screen, tmp_path / "bill")
        screen.type(b"\x03")
        await screen.until("understudy: cancelled")
        await screen.until(PROMPT)


async def decided(client: Client, bill: Path) -> None:
    """Run a turn of the agent in which its call is approved."""
    async with aclosing(client.ask("buyer", str(bill), stream_id="s")) as events:
        async for event in events:
            if isinstance(event, StreamApprovalRequired):
                await client.post("/streams/s/approve", {"call_id": event.tool_call.id})
    assert isinstance(event, StreamComplete)


async def test_a_timeline_is_printed_and_written_as_svg(running: Daemon, tmp_path: Path) -> None:
    here, file = ("--state-dir", str(running.folder)), tmp_path / "turn.svg"
    async with running.client() as client:
        await decided(client, tmp_path / "bill")
    code, out, _ = await understudy("timeline", "s", *here)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["Turn", "turn", "model", "pays"]
    assert "?" in out.splitlines()[3]
    assert await understudy("timeline", "s", "--svg", str(file), *here) == (0, "", "")
    assert ElementTree.fromstring(file.read_text()).tag == "{http://www.w3.org/2000/svg}svg"
    code, _, err = await understudy("timeline", "s", "--svg", str(tmp_path / "no" / "turn.svg"), *here)
    assert (code, err.count("\n")) == (2, 1)
    assert "expected a file that can be written" in err
    code, _, err = await understudy("timeline", "nope", *here)
    assert (code, err.count("\n")) == (3, 1)


async def test_a_timeline_on_a_terminal_follows_its_turn_to_the_end(running: Daemon, tmp_path: Path) -> None:
    async with running.client() as client:
        await decided(client, tmp_path / "bill")
        with terminal("timeline", "s", "--state-dir", str(running.folder), env=environment()) as screen:
            await screen.until("Turn s: complete")
            assert await screen.code() == 0
