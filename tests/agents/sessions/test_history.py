"""Commands on kept sessions: rename, delete, fork and export."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from actors import InvalidArgument
from agents.core.checkpoint import TurnCheckpoint
from agents.core.compaction import NOTHING_LEFT_OUT, Compaction
from agents.core.conversation import (
    AssistantMessage,
    Conversation,
    Function,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agents.core.errors import NetworkError
from agents.core.events import (
    Event,
    StreamComplete,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamToken,
    StreamToolResult,
    ToolResult,
)
from agents.core.response import Response
from agents.sessions import Checkpoint, InvalidFork, SessionExists, Store, UnknownSession, UnknownStream, history
from tests.agents.sessions.keeping import AT, QUESTION, SAID, batch, begun, ended, session, stream, tokens

CALL = ToolCall("c1", Function("look", "{}"))
OTHER = ToolCall("c2", Function("look", "{}"), 1)
EVENTS: list[Event] = [
    StreamStart("s", stream_id="t", seq=1),
    StreamReasoning("Hm.", stream_id="t", seq=2),
    StreamToken("Let me", stream_id="t", seq=3),
    StreamToken(" look.", stream_id="t", seq=4),
    StreamFunctionCallStarted(CALL, stream_id="t", seq=5),
    StreamFunctionCallComplete(CALL, stream_id="t", seq=6),
    StreamFunctionCallComplete(OTHER, stream_id="t", seq=7),
    StreamFunctionExecutionStart(stream_id="t", seq=8),
    StreamToolResult(OTHER, ToolResult("two"), stream_id="t", seq=9),
    StreamToolResult(CALL, ToolResult("one"), stream_id="t", seq=10),
    StreamToken("Thu", stream_id="t", seq=11),
    StreamReset(NetworkError("epipe"), "Let me look.", stream_id="t", seq=12, attempt=2),
    StreamToken("So.", stream_id="t", seq=13, attempt=2),
    StreamComplete(Response("Let me look.So.", "So."), stream_id="t", seq=14, attempt=2),
]
PLAIN = AssistantMessage("Let me look.", (CALL, OTHER), "Hm.")
CUT = AssistantMessage("Thu", partial=True)
SYSTEM = SystemMessage("Be brief.")
ASKED = UserMessage(QUESTION)
LOOKED = AssistantMessage("Let me look.", (CALL, OTHER), "Hm.", items=({"type": "reasoning", "id": "r1"},))
ONE, TWO = ToolMessage("c1", "look", "one"), ToolMessage("c2", "look", "two")
STEERED = UserMessage("Hurry.")
TURN: Conversation = (ASKED, LOOKED, ONE, TWO, STEERED, AssistantMessage("So.", items=({"type": "reasoning"},)))


@pytest.fixture
async def kept(store: Store) -> Store:
    """A session of three turns. The second one has events."""
    await store.write(batch([session("s", (SYSTEM,))], [stream("before")], ended=[ended("before")]))
    await store.write(batch(streams=[stream("t")], events=[("t", EVENTS)], ended=[ended("t", "s", TURN)]))
    await store.write(batch(streams=[stream("after")], ended=[ended("after")]))
    return store


@pytest.mark.parametrize(
    ("seq", "turn"),
    [
        (0, ()),
        (1, (ASKED,)),
        (2, (ASKED,)),
        (3, (ASKED, AssistantMessage("Let me", reasoning="Hm.", partial=True))),
        (7, (ASKED, AssistantMessage("Let me look.", reasoning="Hm.", partial=True))),
        (8, (ASKED, LOOKED)),
        (9, (ASKED, LOOKED, TWO)),
        (10, (ASKED, LOOKED, ONE, TWO, STEERED)),
        (11, (ASKED, LOOKED, ONE, TWO, STEERED, AssistantMessage("Thu", partial=True))),
        (12, (ASKED, LOOKED, ONE, TWO, STEERED)),
        (13, (ASKED, LOOKED, ONE, TWO, STEERED, AssistantMessage("So.", partial=True))),
        (14, TURN),
    ],
)
async def test_a_fork_has_the_conversation_as_it_was_at_the_event(kept: Store, seq: int, turn: Conversation) -> None:
    await history.fork(kept, "s", "fork", ("t", seq))
    assert await kept.conversation("fork") == (SYSTEM, *SAID, *turn)
    forked = await kept.session("fork")
    assert forked is not None
    assert (forked.name, forked.config, forked.message_count) == ("agent", {"model": "m"}, 3 + len(turn))
    assert await kept.conversation("s") == (SYSTEM, *SAID, *TURN, *SAID)


async def test_a_fork_without_a_place_has_all_turns_that_ended(kept: Store) -> None:
    await kept.write(batch(streams=[stream("open")], events=[("open", tokens("open", 1, 2))]))
    await history.fork(kept, "s", "fork")
    assert await kept.conversation("fork") == (SYSTEM, *SAID, *TURN, *SAID)
    await history.fork(kept, "s", "of the open one", ("open", 2))
    cut = AssistantMessage(" word word", partial=True)
    assert await kept.conversation("of the open one") == (SYSTEM, *SAID, *TURN, *SAID, ASKED, cut)


@pytest.mark.parametrize(
    ("checkpoint", "turn"),
    [
        (None, (ASKED, PLAIN, TWO, ONE, CUT)),
        (TurnCheckpoint((ASKED,)), (ASKED, PLAIN, TWO, ONE, CUT)),
        (TurnCheckpoint((ASKED,), LOOKED), (ASKED, LOOKED, TWO, ONE, CUT)),
        (
            TurnCheckpoint((ASKED, LOOKED, ONE, TWO, STEERED), steered=("Later.",)),
            (ASKED, LOOKED, ONE, TWO, STEERED, CUT),
        ),
        (TurnCheckpoint((ASKED, AssistantMessage("Else.", (CALL,)))), (ASKED, PLAIN, TWO, ONE, CUT)),
    ],
)
async def test_a_fork_of_a_turn_that_runs_has_what_its_last_checkpoint_has(
    store: Store, checkpoint: TurnCheckpoint | None, turn: Conversation
) -> None:
    points = [] if checkpoint is None else [Checkpoint("t", 11, msgspec.json.encode(checkpoint))]
    await store.write(batch([session("s")], [stream("t")], [("t", EVENTS[:11])], points))
    await history.fork(store, "s", "fork", ("t", None))
    assert await store.conversation("fork") == turn


async def test_a_fork_has_the_user_messages_between_two_answers_without_calls(store: Store) -> None:
    first, then = AssistantMessage("One.", items=({"type": "reasoning"},)), AssistantMessage("Two.")
    messages: Conversation = (ASKED, first, STEERED, then)
    words: list[Event] = [StreamToken(word, stream_id="t", seq=seq) for seq, word in enumerate(("One.", "Two", "."), 1)]
    await store.write(batch([session("s")], [stream("t")], [("t", words)], ended=[ended("t", messages=messages)]))
    for seq, turn in (
        (1, (ASKED, AssistantMessage("One.", partial=True))),
        (2, (ASKED, first, STEERED, AssistantMessage("Two", partial=True))),
        (3, messages),
    ):
        await history.fork(store, "s", f"at {seq}", ("t", seq))
        assert await store.conversation(f"at {seq}") == turn


async def test_a_fork_is_independent_of_its_origin(kept: Store) -> None:
    await history.fork(kept, "s", "fork", ("t", 0))
    await kept.write(batch(streams=[stream("u", "fork")], ended=[ended("u", "fork")]))
    assert await kept.conversation("fork") == (SYSTEM, *SAID, *SAID)
    await history.delete(kept, "s")
    assert await kept.conversation("fork") == (SYSTEM, *SAID, *SAID)


async def test_an_impossible_fork_is_refused_and_makes_nothing(kept: Store) -> None:
    with pytest.raises(UnknownSession, match="expected the id of a session, got 'no', which does not exist"):
        await history.fork(kept, "no", "fork")
    unknown = "expected the id of a stream of session 's', got 'no', which does not exist"
    with pytest.raises(UnknownStream, match=unknown):
        await history.fork(kept, "s", "fork", ("no", 1))
    with pytest.raises(InvalidFork, match="expected a seq from 0 to 14, got 15"):
        await history.fork(kept, "s", "fork", ("t", 15))
    with pytest.raises(InvalidFork, match="expected an id of 1 to 200 printable characters"):
        await history.fork(kept, "s", "\n")
    with pytest.raises(SessionExists, match="expected a new session's id, got 's', which is in use"):
        await history.fork(kept, "s", "s")
    assert [each.id for each in await kept.sessions()] == ["s"]


async def test_a_title_is_set_and_removed(kept: Store) -> None:
    for title in ("About \0 'looking'", None):
        await history.rename(kept, "s", title)
        (info,) = await kept.sessions()
        assert info.title == title
    for refused in ("\ud800", b"Title", 5):
        with pytest.raises(InvalidArgument, match="as the title"):
            await history.rename(kept, "s", refused)  # type: ignore[arg-type]
    for unknown in ("no", "\0", ""):
        with pytest.raises(UnknownSession):
            await history.rename(kept, unknown, "Title")


async def test_delete_leaves_nothing_of_the_session(kept: Store) -> None:
    await kept.write(begun("u", "other"))
    await history.delete(kept, "s")
    assert await kept.session("s") is None
    assert await kept.streams("s") == []
    assert await kept.events("t") == []
    with pytest.raises(UnknownSession):
        await kept.conversation("s")
    with pytest.raises(UnknownSession):
        await history.delete(kept, "s")
    assert [each.id for each in await kept.sessions()] == ["other"]
    assert await kept.events("u") == tokens("u", 1, 3)


async def test_deleted_data_cannot_be_read_in_the_files(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/sessions.db")
    await store.claim()
    secret = "the-secret-of-this-session"
    await store.write(batch([session("s")], [stream("t", message=secret)], [("t", tokens("t", 1, 300, secret))]))
    assert _found(secret, tmp_path)
    await history.delete(store, "s")
    assert not _found(secret, tmp_path)
    await store.close()


async def test_an_export_is_read_page_by_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MESSAGES_PAGE", "STREAMS_PAGE", "EVENTS_PAGE"):
        monkeypatch.setattr(history, name, 2)
    await store.write(batch([session("s", (SYSTEM,))]))
    for id_ in ("t1", "t2", "t3"):
        await store.write(batch(streams=[stream(id_)], events=[(id_, tokens(id_, 1, 3))], ended=[ended(id_)]))
    lines = [json.loads(line) async for line in history.export(store, "s")]
    assert [line["position"] for line in lines if line["type"] == "message"] == list(range(1 + 3 * len(SAID)))
    found = [
        line["id"] if line["type"] == "stream" else line["event"]["seq"] for line in lines[1 + 1 + 3 * len(SAID) :]
    ]
    assert found == ["t1", 1, 2, 3, "t2", 1, 2, 3, "t3", 1, 2, 3]


async def test_an_export_of_a_session_that_is_deleted_meanwhile_fails(kept: Store) -> None:
    lines = history.export(kept, "s")
    await anext(lines)
    await history.delete(kept, "s")
    with pytest.raises(UnknownSession):
        [line async for line in lines]


@pytest.mark.parametrize("lines_before", [1, 2, 4, 5, 6])
async def test_an_export_has_nothing_of_a_session_that_got_the_id_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch, lines_before: int
) -> None:
    for name in ("MESSAGES_PAGE", "STREAMS_PAGE", "EVENTS_PAGE"):
        monkeypatch.setattr(history, name, 1)
    turn = batch([session("s")], [stream("t")], [("t", tokens("t", 1, 3, "mine"))], ended=[ended("t")])
    await store.write(turn)
    lines = history.export(store, "s")
    found = [await anext(lines) for _ in range(lines_before)]
    await history.delete(store, "s")
    other = replace(session("s"), at=AT + timedelta(seconds=1))
    theirs = (UserMessage("theirs"),) * 2
    events = [("t", tokens("t", 1, 3, "theirs"))]
    await store.write(batch([other], [stream("t", message="theirs")], events, ended=[ended("t", messages=theirs)]))

    async def rest() -> None:
        async for line in lines:
            found.append(line)  # noqa: PERF401 (the last one raises)

    with pytest.raises(UnknownSession):
        await rest()
    assert b"theirs" not in b"".join(found)


async def test_an_export_has_one_line_per_item(kept: Store) -> None:
    await kept.write(batch(streams=[stream("long")], events=[("long", tokens("long", 1, 2500))]))
    lines = [json.loads(line) async for line in history.export(kept, "s")]
    assert [line["type"] for line in lines[:10]] == ["session", *["message"] * 9][: len(lines[:10])]
    of_kind: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        of_kind.setdefault(line["type"], []).append(line)
    assert [each["id"] for each in of_kind["session"]] == ["s"]
    assert [each["position"] for each in of_kind["message"]] == list(range(1 + len(SAID) + len(TURN) + len(SAID)))
    assert sorted(each["id"] for each in of_kind["stream"]) == ["after", "before", "long", "t"]
    seqs = [each["event"]["seq"] for each in of_kind["event"] if each["event"]["stream_id"] == "long"]
    assert seqs == list(range(1, 2501))
    with pytest.raises(UnknownSession):
        [line async for line in history.export(kept, "no")]


def _found(text: str, folder: Path) -> bool:
    return any(text.encode() in file.read_bytes() for file in folder.iterdir())


# Times


async def test_messages_have_the_times_of_their_turns_and_a_fork_keeps_them(store: Store) -> None:
    await store.write(begun("t"))
    await store.write(batch(ended=[replace(ended("t"), times=(1.5, 2.25))]))
    await store.write(batch(streams=[stream("u")], ended=[ended("u")]))
    kept = await store.dated_messages("s", 0, 10)
    assert [each.message for each in kept] == [*SAID, *SAID]
    assert [each.sent_at for each in kept] == [1.5, 2.25, None, None]
    await history.fork(store, "s", "f")
    assert await store.dated_messages("f", 0, 10) == kept
    lines = [json.loads(line) async for line in history.export(store, "s")]
    assert [each["sent_at"] for each in lines if each["type"] == "message"] == [1.5, 2.25, None, None]


async def test_a_fork_within_a_turn_has_the_times_of_its_events(store: Store) -> None:
    timed = [replace(event, at=float(event.seq)) for event in EVENTS]
    await store.write(batch([session("s")], [stream("t")], [("t", timed)]))
    await history.fork(store, "s", "f", ("t", 11))
    kept = await store.dated_messages("f", 0, 10)
    assert [each.message for each in kept] == [ASKED, PLAIN, TWO, ONE, CUT]
    assert [each.sent_at for each in kept] == [1.0, 8.0, 9.0, 10.0, 10.0]


async def test_events_of_an_older_version_are_read_without_times(store: Store) -> None:
    await store.write(begun("t", events=1))
    old = b'[{"type":"stream_token","stream_id":"t","seq":1,"attempt":1,"token":" word","joined":1}]'
    async with store.changing() as connection:
        await connection.execute(text("UPDATE events SET payload = :old"), {"old": old})
    (event,) = await store.events("t")
    assert (event, event.at) == (tokens("t", 1, 1)[0], None)


async def test_a_fork_has_the_compactions_of_its_own_messages_and_a_deletion_removes_them(kept: Store) -> None:
    early, late = Compaction(((0, 2),), 4, "early"), Compaction(((0, 9),), 9, "late", 1.5)
    for id_, compaction in (("one", early), ("two", late)):
        end = replace(ended(id_), compaction=compaction)
        await kept.write(batch(streams=[stream(id_)], events=[(id_, tokens(id_, 1, 1))], ended=[end]))
    count = len(await kept.conversation("s"))
    assert await kept.compaction("s", count) == late
    assert await kept.compaction("s", 5) == NOTHING_LEFT_OUT
    for fork, at, expected in (
        ("whole", None, late),
        ("until one", ("one", None), early),
        ("before", ("t", None), NOTHING_LEFT_OUT),
    ):
        await history.fork(kept, "s", fork, at)
        assert await kept.compaction(fork, count) == expected
    await history.delete(kept, "whole")
    await kept.write(batch([session("whole")]))
    assert await kept.compaction("whole", count) == NOTHING_LEFT_OUT
