"""After any sequence of writes, forks, renames, deletions and openings, the store equals a plain model."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.core.conversation import AssistantMessage, Conversation, UserMessage
from agents.core.events import Event, StreamToken
from agents.sessions import (
    RecordsRefused,
    SessionExists,
    Store,
    StreamStatus,
    UnknownSession,
    UnknownStream,
    history,
)
from tests.agents.sessions.keeping import batch, ended, session, stream

texts = st.text(st.characters(codec=None), max_size=5)
sessions = st.sampled_from(["a", "b", "c"])
streams = st.sampled_from(["t", "u", "v"])
numbers = st.integers(0, 12)

steps = st.one_of(
    st.tuples(st.just("begin"), sessions),
    st.tuples(st.just("stream"), streams, sessions, texts),
    st.tuples(st.just("append"), streams, st.lists(texts, min_size=1, max_size=6), st.integers(1, 3)),
    st.tuples(st.just("end"), streams, texts),
    st.tuples(st.just("rename"), sessions, st.none() | texts),
    st.tuples(st.just("delete"), sessions),
    st.tuples(st.just("fork"), sessions, sessions, st.none() | st.tuples(streams, numbers)),
    st.tuples(st.just("events"), streams, numbers, numbers),
    st.tuples(st.just("reopen")),
)


@dataclass
class Stream:
    session: str
    message: str
    events: list[Event] = field(default_factory=list)
    status: StreamStatus = StreamStatus.OPEN
    place: tuple[int, int] | None = None  # the positions of its messages in the conversation


@dataclass
class Session:
    title: str | None = None
    messages: Conversation = ()


class Pair:
    """The model and the store, which get the same steps."""

    def __init__(self, url: str, store: Store) -> None:
        self.url, self.store = url, store
        self.sessions: dict[str, Session] = {}
        self.streams: dict[str, Stream] = {}

    async def begin(self, id_: str) -> None:
        self.sessions.setdefault(id_, Session())
        await self.store.write(batch([session(id_)]))

    async def stream(self, id_: str, owner: str, message: str) -> None:
        written = batch(streams=[stream(id_, owner, message)])
        if id_ in self.streams or owner not in self.sessions:
            with pytest.raises(RecordsRefused):
                await self.store.write(written)
        else:
            self.streams[id_] = Stream(owner, message)
            await self.store.write(written)

    async def append(self, id_: str, words: list[str], flushes: int) -> None:
        """Append over several flushes."""
        for _ in range(flushes):
            kept = self.streams.get(id_)
            first = len(kept.events) + 1 if kept is not None else 1
            new: list[Event] = [StreamToken(word, stream_id=id_, seq=seq) for seq, word in enumerate(words, first)]
            written = batch(events=[(id_, new)])
            if kept is None:
                with pytest.raises(RecordsRefused):
                    await self.store.write(written)
            else:
                kept.events += new
                await self.store.write(written)

    async def end(self, id_: str, answer: str) -> None:
        kept = self.streams.get(id_)
        messages = (UserMessage("?"), AssistantMessage(answer))
        written = batch(ended=[ended(id_, kept.session if kept is not None else "a", messages)])
        if kept is None or kept.status is not StreamStatus.OPEN:
            with pytest.raises(RecordsRefused):
                await self.store.write(written)
        else:
            owner = self.sessions[kept.session]
            kept.place = (len(owner.messages), len(owner.messages) + 2)
            owner.messages, kept.status = owner.messages + messages, StreamStatus.COMPLETE
            await self.store.write(written)

    async def rename(self, id_: str, title: str | None) -> None:
        if id_ not in self.sessions:
            with pytest.raises(UnknownSession):
                await history.rename(self.store, id_, title)
        else:
            self.sessions[id_].title = title
            await history.rename(self.store, id_, title)

    async def delete(self, id_: str) -> None:
        if self.sessions.pop(id_, None) is None:
            with pytest.raises(UnknownSession):
                await history.delete(self.store, id_)
        else:
            self.streams = {name: each for name, each in self.streams.items() if each.session != id_}
            await history.delete(self.store, id_)

    async def fork(self, id_: str, new: str, at: tuple[str, int] | None) -> None:
        of = self.streams.get(at[0]) if at is not None else None
        refusal: type[Exception] | None = None
        if id_ not in self.sessions:
            refusal = UnknownSession
        elif at is not None and (of is None or of.session != id_):
            refusal = UnknownStream
        elif at is not None and of is not None and at[1] > len(of.events):
            refusal = ValueError
        elif new in self.sessions:
            refusal = SessionExists
        if refusal is not None:
            with pytest.raises(refusal):
                await history.fork(self.store, id_, new, at)
        else:
            old = self.sessions[id_]
            self.sessions[new] = Session(old.title, self._forked(old, of, 0 if at is None else at[1]))
            await history.fork(self.store, id_, new, at)

    def _forked(self, old: Session, of: Stream | None, seq: int) -> Conversation:
        if of is None:
            return old.messages
        first, last = of.place or (len(old.messages), None)
        if seq == 0:
            return old.messages[:first]
        if last is not None and seq == len(of.events):
            return old.messages[:last]
        text = "".join(event.token for event in of.events[:seq] if isinstance(event, StreamToken))
        cut = (AssistantMessage(text, partial=True),) if text else ()
        return (*old.messages[:first], UserMessage(of.message), *cut)

    async def events(self, id_: str, after: int, limit: int) -> None:
        kept = self.streams.get(id_)
        expected = kept.events[after : after + limit] if kept is not None else []
        assert await self.store.events(id_, after, limit) == expected

    async def reopen(self) -> None:
        await self.store.close()
        self.store = await Store.open(self.url)
        await self.store.claim()

    async def check(self) -> None:
        store = self.store
        assert {each.id: (each.title, each.message_count) for each in await store.sessions()} == {
            id_: (each.title, len(each.messages)) for id_, each in self.sessions.items()
        }
        for id_, each in self.sessions.items():
            assert await store.conversation(id_) == each.messages
            assert {info.id for info in await store.streams(id_)} == {
                name for name, one in self.streams.items() if one.session == id_
            }
        for name, one in self.streams.items():
            info = await store.stream(name)
            assert info is not None
            assert (info.status, info.last_seq, info.message) == (one.status, len(one.events), one.message)
            assert await store.events(name) == one.events
        still_open = {name for name, one in self.streams.items() if one.status is StreamStatus.OPEN}
        assert {each.stream_id for each in await store.open_streams()} == still_open


@given(script=st.lists(steps, min_size=1, max_size=25))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_store_answers_as_its_model(url: str, script: list[tuple[str, ...]]) -> None:
    asyncio.run(_played(url, script))


async def _played(url: str, script: list[tuple[str, ...]]) -> None:
    store = await Store.open(url)
    await store.claim()
    pair = Pair(url, store)
    try:
        for each in await store.sessions():
            await history.delete(store, each.id)  # left from the previous example
        for name, *arguments in script:
            await getattr(pair, name)(*arguments)
        await pair.check()
        await pair.reopen()
        await pair.check()
    finally:
        await pair.store.close()
