"""A stream as its follower gets it while the stream's agent changes its node."""

from actors import Mailbox
from agents.core.events import TERMINAL, Event, StreamComplete, StreamReset
from tests.agents.texts import text_that_stands


async def followed(box: Mailbox) -> list[Event]:
    """Return the events up to the terminal one."""
    events: list[Event] = [await box.receive(60)]
    while not isinstance(events[-1], TERMINAL):
        events.append(await box.receive(60))
    return events


def check_moved(events: list[Event], words: str) -> None:
    """Check the laws of a stream that another node has continued once."""
    seqs = [event.seq for event in events]
    assert seqs == sorted(set(seqs))
    assert [event.attempt for event in events if isinstance(event, StreamReset)] == [2]
    *earlier, last = events
    assert not [event for event in earlier if isinstance(event, TERMINAL)]
    assert isinstance(last, StreamComplete)
    assert last.response.content == text_that_stands(events) == words
