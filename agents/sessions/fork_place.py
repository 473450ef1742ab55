"""The place in a conversation at which a fork of its session begins."""

from agents.core.conversation import Conversation
from agents.core.message_times import times_of
from agents.sessions.checkpoints import read_checkpoint
from agents.sessions.errors import InvalidFork, StoreDamaged, UnknownStream
from agents.sessions.partial_turn import partial_turn
from agents.sessions.records import SessionRecord, StreamRecord
from agents.sessions.store import Store


async def place_of_fork(
    store: Store, session: SessionRecord, at: tuple[str, int | None] | None
) -> tuple[int, Conversation, tuple[float | None, ...]]:
    """Return how many of the session's messages the fork keeps, and the partial turn's messages and times after them.

    A conversation only grows, so the count is still valid when the messages are copied. The count is read before the
    stream, so it includes nothing of a stream that is open at that time.
    """
    if at is None:
        return session.message_count, (), ()
    stream_id, place = at
    stream = await store.stream(stream_id)
    if stream is None or stream.session_id != session.id:
        raise UnknownStream(stream_id, session.id)
    seq = stream.last_seq if place is None else place
    if not 0 <= seq <= stream.last_seq:
        raise InvalidFork(f"expected a seq from 0 to {stream.last_seq}, got {seq}")
    before = session.message_count if stream.messages_from is None else stream.messages_from
    if seq == 0:
        return before, (), ()
    if seq == stream.last_seq and stream.messages_until is not None:
        return stream.messages_until, (), ()
    events = await store.events(stream_id, limit=seq)
    turn = partial_turn(stream.message, events, await _recorded(store, stream))
    return before, turn, times_of(turn, events)


async def _recorded(store: Store, stream: StreamRecord) -> Conversation:
    """Return the recorded messages of the stream's turn.

    For an ended turn these are in the conversation, else in its last checkpoint, which is read after the events.
    """
    if stream.messages_from is not None and stream.messages_until is not None:
        count = stream.messages_until - stream.messages_from
        return await store.messages(stream.session_id, stream.messages_from, count)
    for open_ in await store.open_streams(stream.session_id):
        if open_.stream_id == stream.id and open_.checkpoint is not None:
            try:
                saved = read_checkpoint(open_.checkpoint)
            except StoreDamaged:
                ended = await store.stream(stream.id)  # the end of a turn deletes the parts of its checkpoint
                if ended is None or ended.messages_from is None:
                    raise
                return await _recorded(store, ended)
            return saved.messages if saved.executing is None else (*saved.messages, saved.executing)
    return ()
