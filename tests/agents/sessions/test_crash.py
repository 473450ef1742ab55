"""A writer that is killed again and again: all that it reported is on disk, and nothing is incomplete."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from random import Random

from agents.core.conversation import AssistantMessage, UserMessage
from agents.core.parts import text_of
from agents.sessions import Store, StreamStatus
from tests.agents.sessions.writing import EVENTS, token

ROUNDS = 6
LINES = 150


class Reported:
    """The lines of the writers: each stream's highest seq, and the streams that have ended."""

    def __init__(self) -> None:
        self.seqs: Counter[str] = Counter()
        self.ended: set[str] = set()

    def add(self, line: str) -> None:
        match line.split():
            case ["durable", stream_id, seq] if line.endswith("\n"):
                self.seqs[stream_id] = max(self.seqs[stream_id], int(seq))
            case ["ended", stream_id] if line.endswith("\n"):
                self.ended.add(stream_id)


async def test_what_a_killed_writer_had_reported_is_on_disk_and_nothing_is_half_there(url: str) -> None:
    random, reported = Random(1), Reported()
    for number in range(ROUNDS):
        await _write_until_killed(url, number * 1000, random.randrange(1, LINES), random.random() * 0.004, reported)
        await _check(url, reported)
    assert reported.ended


async def _write_until_killed(url: str, first: int, lines: int, pause_s: float, reported: Reported) -> None:
    command = ["-m", "tests.agents.sessions.writing", url, str(first)]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE)
    assert process.stdout is not None
    for _ in range(lines):
        line = await process.stdout.readline()
        assert line, "the writer ended by itself"
        reported.add(line.decode())
    await asyncio.sleep(pause_s)  # the kill may also come between two lines
    process.kill()
    rest, _ = await process.communicate()
    for more in rest.decode().splitlines(keepends=True):
        reported.add(more)


async def _check(url: str, reported: Reported) -> None:
    store = await Store.open(url)
    for stream_id, seq in reported.seqs.items():
        info = await store.stream(stream_id)
        assert info is not None
        assert info.last_seq >= seq
        assert info.status is not StreamStatus.OPEN or stream_id not in reported.ended
        events = await store.events(stream_id)
        assert len(events) == info.last_seq
        assert events[: EVENTS - 1] == [token(stream_id, each) for each in range(1, min(len(events), EVENTS - 1) + 1)]
    for cut in await store.open_streams():
        assert cut.checkpoint is None or cut.checkpoint.payload == b"%d" % cut.checkpoint.seq
        assert cut.checkpoint is None or cut.checkpoint.seq <= cut.last_seq
        assert cut.checkpoint is None or [part.number for part in cut.checkpoint.parts] == list(
            range(1, cut.checkpoint.seq // 7 + 1)
        )
    for session in await store.sessions():
        ended = [each for each in await store.streams(session.id) if each.status is not StreamStatus.OPEN]
        assert all(each.last_seq == EVENTS for each in ended)
        conversation = await store.conversation(session.id)
        assert len(conversation) == session.message_count == 2 * len(ended)
        for asked, answer in zip(conversation[::2], conversation[1::2], strict=True):
            assert isinstance(asked, UserMessage)
            whole = "".join(token(text_of(asked.content), seq).token for seq in range(1, EVENTS))
            assert answer == AssistantMessage(whole)
    await store.close()
