"""Laws of the store: the data that it holds, and the data that it refuses."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import LargeBinary, select, type_coerce, update

from agents.core.conversation import AssistantMessage, Function, SystemMessage, ToolCall, UserMessage
from agents.core.errors import Cancelled, Timeout
from agents.core.events import Event, StreamError, StreamReset, StreamToken, StreamToolResult, ToolResult
from agents.sessions import (
    Batch,
    Checkpoint,
    Fenced,
    OpenStream,
    RecordsRefused,
    Store,
    StoreDamaged,
    StoreUnavailable,
    StreamStatus,
    UnknownSession,
)
from agents.sessions.payload import Decoder, encoded
from agents.sessions.records import CheckpointPart
from agents.sessions.rows import ROW_EVENTS
from agents.sessions.tables import CHECKPOINT_PARTS, STREAMS
from tests.agents.sessions.keeping import AT, QUESTION, SAID, USAGE, batch, begun, ended, session, stream, tokens

HOSTILE = ["", "x') OR '1'='1", "%", "_", "\0", "a\nb", "\ud800", "x" * 10_000, "s; DROP TABLE events"]


async def test_written_data_is_there_after_the_store_is_opened_again(url: str) -> None:
    store = await Store.open(url)
    await store.claim()
    await store.write(batch([session("s", (SystemMessage("Be brief."),))], [stream("t")], [("t", tokens("t", 1, 3))]))
    await store.write(batch(events=[("t", tokens("t", 4, 5))], ended=[ended("t")]))
    await store.close()

    store = await Store.open(url)
    kept = await store.session("s")
    assert kept is not None
    assert (kept.name, kept.title, kept.config) == ("agent", None, {"model": "m"})
    assert (kept.created_at, kept.updated_at, kept.message_count) == (AT, AT, 3)
    assert await store.conversation("s") == (SystemMessage("Be brief."), *SAID)
    (info,) = await store.streams("s")
    assert info == await store.stream("t")
    assert (info.message, info.status, info.last_seq) == (QUESTION, StreamStatus.COMPLETE, 5)
    assert (info.begun_at, info.ended_at, info.usage, info.cost) == (AT, AT, USAGE, 0.25)
    assert (info.messages_from, info.messages_until) == (1, 3)
    assert await store.events("t") == tokens("t", 1, 5)
    await store.close()


async def test_events_come_after_any_seq_and_up_to_any_number(store: Store) -> None:
    await store.write(begun(events=3))
    for first in (4, 7, 10):
        await store.write(batch(events=[("t", tokens("t", first, first + 2))]))
    everything = tokens("t", 1, 12)
    for after in range(14):
        assert await store.events("t", after) == everything[after:]
        for limit in (1, 2, 5):
            assert await store.events("t", after, limit) == everything[after : after + limit]


async def test_every_kind_of_data_comes_back_as_it_was(store: Store) -> None:
    call = ToolCall("c", Function("look", '{"a": "\\ud800"}'), extra={"__class__": "os.system", "signature": "\ud83d"})
    odd: list[Event] = [
        StreamToken("\ud800 \0 \u2028 \U0001f600", stream_id="t", seq=1),
        StreamToolResult(call, ToolResult("\udfff", {"__reduce__": [1, None, 2.5]}), stream_id="t", seq=2),
        StreamReset(Timeout("token", 1.0), "\ud800", stream_id="t", seq=3),
        StreamError(Cancelled(), "part", stream_id="t", seq=4),
    ]
    said = (UserMessage("\ud800?"), AssistantMessage("\0", (call,), items=({"type": "reasoning", "x": "\ud800"},)))
    await store.write(
        batch([session("s")], [stream("t", message="\ud800\0")], [("t", odd)], ended=[ended("t", "s", said)])
    )
    assert await store.events("t") == odd
    assert await store.conversation("s") == said
    info = await store.stream("t")
    assert info is not None
    assert info.message == "\ud800\0"


async def test_an_open_stream_has_the_checkpoint_of_its_turn(store: Store) -> None:
    await store.write(begun(events=3))
    await store.write(batch(checkpoints=[Checkpoint("t", 2, b"first")]))
    await store.write(batch(events=[("t", tokens("t", 4, 6))], checkpoints=[Checkpoint("t", 4, b"second")]))
    assert await store.open_streams() == [OpenStream("s", "t", QUESTION, 6, Checkpoint("t", 4, b"second"))]
    await store.write(batch(ended=[ended("t")]))
    assert await store.open_streams() == []


async def test_the_parts_of_checkpoints_add_up_until_the_turn_ends(store: Store) -> None:
    first, second, third = (CheckpointPart(number, b"%d" % number) for number in (1, 2, 3))
    await store.write(begun(events=3))
    await store.write(batch(checkpoints=[Checkpoint("t", 2, b"old", parts=(first,))]))
    await store.write(batch(checkpoints=[Checkpoint("t", 3, b"new", parts=(second, third))]))
    await store.write(batch(checkpoints=[Checkpoint("t", 3, b"same")]))
    (cut,) = await store.open_streams()
    assert cut.checkpoint == Checkpoint("t", 3, b"same", parts=(first, second, third))
    await store.write(batch(ended=[ended("t")]))
    async with store.changing() as connection:
        assert (await connection.execute(select(CHECKPOINT_PARTS))).all() == []


async def test_a_session_that_begins_again_keeps_what_it_has(store: Store) -> None:
    await store.write(begun())
    await store.write(batch(ended=[ended("t")]))
    await store.write(batch([session("s", (SystemMessage("Other."),))]))
    assert await store.conversation("s") == SAID


async def test_a_session_is_empty_until_its_first_turn_begins(store: Store) -> None:
    await store.write(batch([session("s"), session("other", (SystemMessage("Be brief."),))]))
    assert await store.empty_sessions({"s", "other", "nothing", *HOSTILE}) == {"s"}
    await store.write(batch(streams=[stream("t")]))
    assert await store.empty_sessions({"s"}) == set()
    await store.write(batch(ended=[ended("t")]))
    assert await store.empty_sessions({"s"}) == set()


async def test_streams_that_end_together_append_one_after_the_other(store: Store) -> None:
    await store.write(begun("t"))
    await store.write(batch(streams=[stream("u")], ended=[ended("t"), ended("u")]))
    assert await store.conversation("s") == SAID + SAID


async def test_a_stream_ends_once(store: Store) -> None:
    await store.write(begun())
    with pytest.raises(RecordsRefused, match="expected an open stream to end, got 't'"):
        await store.write(batch(ended=[ended("t"), ended("t")]))
    await store.write(batch(ended=[ended("t")]))
    with pytest.raises(RecordsRefused, match="expected an open stream to end, got 't'"):
        await store.write(batch(ended=[ended("t")]))
    assert await store.conversation("s") == SAID


@pytest.mark.parametrize(
    "refused",
    [
        batch(events=[("nobody", tokens("nobody", 1, 1))]),
        batch(streams=[stream("new", "nobody")]),
        batch(events=[("t", tokens("t", 3, 4))]),
        batch(events=[("t", [*tokens("t", 4, 4), *tokens("t", 6, 6)])]),
        batch([session("")]),
        batch([session("a\nb")]),
    ],
    ids=["no stream", "no session", "written before", "a gap", "no id", "no printable id"],
)
async def test_a_batch_that_does_not_fit_is_refused_as_a_whole(store: Store, refused: Batch) -> None:
    await store.write(begun(events=3))
    await store.write(begun("other", "another"))
    with pytest.raises(RecordsRefused) as error:
        await store.write(replace(refused, events=[("other", tokens("other", 4, 4)), *refused.events]))
    assert "\n" not in str(error.value)
    assert (await store.events("t"), await store.events("other")) == (tokens("t", 1, 3), tokens("other", 1, 3))
    await store.write(batch(events=[("t", tokens("t", 4, 4))]))  # the store still works


@pytest.mark.parametrize("id_", HOSTILE)
async def test_an_id_is_only_an_id(store: Store, id_: str) -> None:
    await store.write(begun())
    assert await store.session(id_) is None
    assert await store.stream(id_) is None
    assert await store.streams(id_) == []
    assert await store.events(id_) == []
    assert await store.sessions(after=id_) == []
    with pytest.raises(UnknownSession):
        await store.conversation(id_)
    assert await store.events("t") == tokens("t", 1, 3)


async def test_sessions_come_in_pages_those_that_changed_last_first(store: Store) -> None:
    await store.write(batch([session(f"s{number}") for number in range(7)]))
    await store.write(batch(streams=[stream("t", "s3")]))
    pages: list[str] = []
    while page := await store.sessions(after=pages[-1] if pages else None, limit=3):
        pages += [each.id for each in page]
    assert sorted(pages) == [f"s{number}" for number in range(7)]
    assert len(pages) == 7


async def test_an_owners_sessions_come_in_pages_of_their_own(store: Store) -> None:
    for number in range(12):
        owner = ("ann", "bob", None)[number % 3]
        await store.write(batch([session(f"s{number}", owner=owner)]))
    pages: list[str] = []
    while page := await store.sessions(pages[-1] if pages else None, 3, "ann"):
        assert {each.owner for each in page} == {"ann"}
        pages += [each.id for each in page]
    assert sorted(pages) == ["s0", "s3", "s6", "s9"]
    assert len(await store.sessions()) == 12
    for behind in ("s1", "s2", "none"):  # of another user, without an owner, unknown: the answer is the same
        assert await store.sessions(behind, 3, "ann") == []
    assert await store.sessions(owner="eve") == []


async def test_a_session_has_its_last_recorded_owner(store: Store) -> None:
    for owner in ("ann", "bob", None):
        await store.write(batch([session("s", owner=owner)]))
        kept = await store.session("s")
        assert kept is not None
        assert kept.owner == owner


async def test_a_writer_of_an_older_epoch_is_refused(url: str) -> None:
    old, new = await Store.open(url), await Store.open(url)
    await old.claim()
    await old.write(begun(events=3))
    await new.claim()
    with pytest.raises(Fenced, match="the store has another writer"):
        await old.write(batch(events=[("t", tokens("t", 4, 4))]))
    await new.write(batch(events=[("t", tokens("t", 4, 5))]))
    with pytest.raises(Fenced):
        await old.write(batch(ended=[ended("t")]))
    await old.close()
    await new.write(batch(ended=[ended("t")]))
    assert await new.events("t") == tokens("t", 1, 5)
    await new.close()


async def test_an_invalid_event_is_damage_in_one_line(store: Store) -> None:
    await store.write(begun())
    async with store.changing() as connection:
        await connection.execute(update(STREAMS).values(message=type_coerce(b"{}", LargeBinary)))
    with pytest.raises(StoreDamaged, match=r"^the store is damaged: Expected `str \| array`, got `object`$"):
        await store.stream("t")


async def test_between_two_attempts_seqs_may_be_missing(store: Store) -> None:
    again = [replace(event, attempt=2) for event in tokens("t", 68, 70)]
    await store.write(begun(events=3))
    await store.write(batch(events=[("t", again)]))
    assert await store.events("t") == [*tokens("t", 1, 3), *again]
    for after in (3, 4, 67):
        assert await store.events("t", after) == again


async def test_many_events_of_one_flush_are_read_from_any_place_in_pages(store: Store) -> None:
    said = tokens("t", 1, 3 * ROW_EVENTS + 7)
    await store.write(begun(events=3))
    await store.write(batch(events=[("t", said[3:])]))
    async with store.changing() as connection:
        rows = (await connection.exec_driver_sql("SELECT count(*) FROM tail")).scalar_one()
    assert rows == 1 + 4
    assert await store.events("t") == said
    for after in (0, 1, ROW_EVENTS - 1, ROW_EVENTS, 2 * ROW_EVENTS + 3):
        assert await store.events("t", after, ROW_EVENTS) == said[after : after + ROW_EVENTS]


async def test_events_with_a_gap_are_damage(store: Store) -> None:
    await store.write(begun(events=3))
    await store.write(batch(events=[("t", tokens("t", 4, 6))]))
    await store.write(batch(events=[("t", tokens("t", 7, 9))]))
    async with store.changing() as connection:
        await connection.exec_driver_sql("DELETE FROM tail WHERE first_seq = 4")
    with pytest.raises(StoreDamaged, match="the events of stream t have a gap"):
        await store.events("t")


@pytest.mark.parametrize(
    "payload", [b"", b"{", b'{"type": "os.system"}', b"\xff", b"[1]", b'[{"type":"stream_token"}]']
)
def test_a_payload_is_checked_against_its_type(payload: bytes) -> None:
    with pytest.raises(StoreDamaged, match=r"^the store is damaged: [^\n]+$"):
        Decoder[list[Event]](list[Event])(payload)


def test_a_payload_with_a_lone_surrogate_is_checked_too() -> None:
    with pytest.raises(StoreDamaged):
        Decoder[list[Event]](list[Event])(encoded([{"type": "\ud800"}]))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "expected the store's URL"),
        ("mysql://localhost/x", "got 'mysql'"),
        ("sqlite+pysqlite:///x", "got 'sqlite+pysqlite'"),
        ("sqlite://", "expected the file of a SQLite store"),
        ("sqlite:////proc/sys/x.db", "can't be made"),
        ("sqlite:////dev/null/x.db", "can't be made"),
        ("postgresql://user:secret@127.0.0.1:1/db", "can't be used"),
    ],
)
async def test_a_store_that_cannot_be_opened_is_one_line_without_a_password(url: str, said: str) -> None:
    with pytest.raises(StoreUnavailable) as error:
        await Store.open(url)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


async def test_a_file_other_than_a_database_is_left_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Not a database. " * 100)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        await Store.open(f"sqlite:///{file}")
    assert file.read_text() == "Not a database. " * 100


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state/sessions.db")
    await store.claim()
    await store.write(begun())
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    files = sorted((tmp_path / "state").iterdir())
    assert [file.name for file in files] == ["sessions.db", "sessions.db-shm", "sessions.db-wal"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    await store.close()


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    file.touch(0o644)
    store = await Store.open(f"sqlite:///{file}")
    assert file.stat().st_mode & 0o777 == 0o600
    await store.close()


async def test_a_retried_batch_is_written_once(store: Store) -> None:
    """Whether the first try came through or not."""
    written = replace(begun(events=3), number=7)
    await store.write(written, again=True)
    await store.write(written, again=True)
    ends = replace(batch(ended=[ended("t")]), number=8)
    await store.write(ends)
    await store.write(ends, again=True)
    assert await store.events("t") == tokens("t", 1, 3)
    assert await store.conversation("s") == SAID


async def test_a_turn_that_gets_further_is_counted_from_the_start(store: Store) -> None:
    await store.write(begun())
    for _ in range(2):
        await store.recovering("t")
    await store.write(batch(checkpoints=[Checkpoint("t", 3, b"as before", again=True)]))
    assert [each.recoveries for each in await store.open_streams()] == [2]
    await store.write(batch(checkpoints=[Checkpoint("t", 3, b"further")]))
    assert [each.recoveries for each in await store.open_streams()] == [0]
