"""Turns of dead nodes whose agents this program can't start, since it lacks a tool or the configuration.

Nobody may continue such a turn, so it ends as interrupted. Its session is free afterwards, for a node that can start
the agent.
"""

from actors import Pid
from actors.log import get_logger
from agents.core.errors import Interrupted
from agents.core.policy import TurnPolicy
from agents.core.turn import Past
from agents.instance.waking import cut_turn
from agents.sessions import open_journal
from agents.streams.handler import interrupt, new_tally
from agents.streams.kept import KeptStream
from agents.streams.report import report_end

log = get_logger("understudy.agents")


async def end_cut_turns(agent_id: str, ahead: int, me: Pid) -> None:
    """End the session's cut turns as interrupted, and free the session. Raises SessionError.

    ahead: as in open_session. me: the calling process.
    """
    journal = await open_journal()
    assert journal is not None, "expected kept sessions"
    conversation = await journal.store.conversation(agent_id)
    for open_ in await journal.store.open_streams(agent_id):
        cut = await cut_turn(journal, open_, ahead, again=False)
        stream = KeptStream(
            cut.stream_id, me, (), cut.recorder, buffer_size=None, before=conversation, ahead=ahead, cut=cut
        )
        past = Past(agent_id, conversation, TurnPolicy(), new_tally())
        conversation = interrupt(cut, Interrupted(), stream, past)
        await stream.durable()
        report_end(agent_id, stream)
        log.warning("turn_interrupted", agent_id=agent_id, stream_id=cut.stream_id, reason="its agent can't start here")
    if journal.store.node is not None:
        await journal.store.node.release(agent_id)
