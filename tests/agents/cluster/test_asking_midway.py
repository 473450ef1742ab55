"""A call that asks in the middle moves to another node while it waits: its answers so far hold there."""

from contextlib import aclosing
from pathlib import Path

from agents import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamComplete,
    StreamToolResult,
    agent,
    application,
    start_agent,
)
from agents.agent_registry import stands_in
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, parse
from agents.settings import Settings
from agents.tools.approval import Decided
from tests.agents.cluster.sqlite_nodes import living_node, settings_of_two
from tests.agents.tools.asking_midway import HOW, NAMES, SCRIPT, WHETHER

ANSWERS = {WHETHER: "yes", HOW: "safe"}


async def test_a_call_whose_node_is_killed_at_its_second_question_goes_on_with_its_first_answer(tmp_path: Path) -> None:
    file, seen, left = tmp_path / "runs", list[Event](), dict(ANSWERS)
    async with RehearsalServer(parse(SCRIPT)) as server:
        far_settings, own = settings_of_two(tmp_path, base_url=server.base_url)
        async with living_node(far_settings, "asking") as far, application.running(Settings.model_validate(own)):
            await start_agent(id="other", model="mover", tools=NAMES)  # so that this node has the tools
            assert stands_in(await wake("mover"))
            async with aclosing(agent.stream("mover", str(file))) as events:
                async for event in events:
                    seen.append(event)
                    if isinstance(event, StreamApprovalRequired) and (asked := event.question) in left:
                        if asked == HOW:
                            far.kill()
                        call_id = event.tool_call.id
                        answer = await agent.answer("mover", call_id, left.pop(asked), question=asked.text)
                        assert answer == Decided(call_id, "answered")
            assert not stands_in(await wake("mover"))
    end = seen[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.content == "So: moved safe"
    questions = [each.question for each in seen if isinstance(each, StreamApprovalRequired)]
    assert [*dict.fromkeys(questions)] == [WHETHER, HOW]  # the other node may ask the open question again
    assert [each.decision for each in seen if isinstance(each, StreamApprovalDecided)] == ["answered"] * 2
    assert [each.result.attempts for each in seen if isinstance(each, StreamToolResult)] == [1]
    assert [each.seq for each in seen] == sorted({each.seq for each in seen})
    assert file.read_text().splitlines() == [*["run 1 of moves"] * 3, "moved safe"]
