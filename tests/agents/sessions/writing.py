"""An OS process that records streams and prints what is on disk, until it is killed. python -m ...writing URL FIRST

It prints one line per report: `durable STREAM SEQ`, or `ended STREAM`.
"""

import asyncio
import sys

from actors import AsyncioSystemBase
from agents.core.conversation import AssistantMessage, UserMessage
from agents.core.errors import Cancelled
from agents.core.events import StreamError, StreamToken
from agents.sessions import JournalHandle, StreamStatus, WriteFailed
from agents.sessions.records import CheckpointPart
from tests.agents.sessions.recorded import journal

STREAMS = 4
EVENTS = 60


def token(stream_id: str, seq: int) -> StreamToken:
    return StreamToken(f"{stream_id}:{seq} ", stream_id=stream_id, seq=seq)


async def main(url: str, first: int) -> None:
    async with AsyncioSystemBase(), journal(url, batch_time=2, batch_events=16) as handle:
        await asyncio.gather(*(_streams(handle, f"s{number}", first) for number in range(STREAMS)))


async def _streams(handle: JournalHandle, session_id: str, number: int) -> None:
    """Record one stream after the other, without end."""
    handle.begin_session(session_id, "agent")
    while True:
        stream_id = f"{session_id}-{number}"
        await _stream(handle, session_id, stream_id)
        number += 1


async def _stream(handle: JournalHandle, session_id: str, stream_id: str) -> None:
    def print_seq(seq: int) -> None:
        _say(f"durable {stream_id} {seq}")

    recorder = handle.recorder(session_id, stream_id, stream_id, on_durable=print_seq, on_failure=_fail)
    for seq in range(1, EVENTS):
        recorder.event(token(stream_id, seq))
        if seq % 7 == 0:
            recorder.checkpoint(b"%d" % seq, (CheckpointPart(seq // 7, b"%d" % seq),))
        if seq % 5 == 0:
            await asyncio.sleep(0.001)  # the journal writes in batches of several sizes
    recorder.event(StreamError(Cancelled(), stream_id=stream_id, seq=EVENTS))
    said = (UserMessage(stream_id), AssistantMessage("".join(token(stream_id, seq).token for seq in range(1, EVENTS))))
    recorder.ended(StreamStatus.ERROR, None, None, said)
    await recorder.durable()
    _say(f"ended {stream_id}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fail(failure: WriteFailed) -> None:
    raise failure


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
