"""A daemon with hooks that is killed: what a hook decided is what runs, and an open decision is made again."""

import json
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from agents import StreamApprovalRequired, StreamComplete, StreamToolResult, StreamToolStart
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import daemon
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)

SCRIPT = """
[models.again]
[[models.again.turns]]
steps = [{ tool_calls = [{ name = "spend_again", arguments = { cents = 1, to = "{user}" } }] }, { text = "{result:0}" }]

[models.asks]
[[models.asks.turns]]
steps = [{ tool_calls = [{ name = "spend", arguments = { cents = 5000 } }] }, { text = "{result:0}" }]
"""
HERE = "tests.agents.hooks.sample_hooks"
CONFIG = f"""
[{{agents, [{{tools, [{{workers, 2}}]}},
            {{hooks, #{{"*" => #{{before_tool => ["{HERE}:at_most_100"], timeout => 30000}}}}}}]}},
 {{understudy, [{{agents, [
     [{{id, "again"}}, {{model, "again"}}, {{tools, ["{HERE}:spend_again"]}},
      {{hooks, #{{before_tool => ["{HERE}:counts"]}}}}],
     [{{id, "asks"}}, {{model, "asks"}}, {{tools, ["{HERE}:spend"]}},
      {{hooks, #{{before_tool => ["{HERE}:ask_above_50"]}}}}]
 ]}}]}}].
"""


async def until_there(path: Path) -> None:
    await eventually(lambda: path.exists() and path.read_text(), what=f"a text in {path}")


async def test_what_a_hook_decided_runs_after_a_kill_and_an_open_decision_is_made_again(tmp_path: Path) -> None:
    asked, spent, config = tmp_path / "asked", tmp_path / "asked.spent", tmp_path / "sys.config"
    config.write_text(CONFIG)
    async with RehearsalServer(builtin() | parse(SCRIPT, "hooks")) as server:
        async with daemon(server, tmp_path / "state", "--config", str(config)) as first, first.client() as client:
            async with aclosing(client.ask("asks", "go", stream_id="asks")) as stream:
                shown = list[StreamApprovalRequired]()
                async for event in stream:
                    if isinstance(event, StreamApprovalRequired):
                        shown.append(event)
                        break
            async with aclosing(client.ask("again", str(asked), stream_id="again")) as stream:
                async for event in stream:
                    if isinstance(event, StreamToolStart):
                        break
            await until_there(spent)
            first.signal(signal.SIGKILL)
            await first.ended()
        (tmp_path / "asked.go").touch()
        async with daemon(server, tmp_path / "state", "--config", str(config)) as second, second.client() as client:
            rest = [event async for event in client.events("again", 0)]
            assert isinstance(rest[-1], StreamComplete)
            assert rest[-1].response.answer == "spent 7"
            assert (asked.read_text(), spent.read_text()) == ("asked", "7\n7\n")
            results = []
            async for event in client.events("asks", shown[0].seq):
                if isinstance(event, StreamApprovalRequired):
                    shown.append(event)
                    assert [each["why"] for each in (await client.get("/approvals"))["approvals"]] == ["Spend 100?"]
                    await client.post("/streams/asks/approve", {"call_id": event.tool_call.id})
                elif isinstance(event, StreamToolResult):
                    results.append(event.result.content)
            assert [(json.loads(each.tool_call.arguments), each.why) for each in shown] == [
                ({"cents": 100}, "Spend 100?")
            ] * 2
            assert results == ["spent 100 on ada"]
            assert await second.stopped() == 0
