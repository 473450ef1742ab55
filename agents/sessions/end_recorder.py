"""The record of a published end whose stream has lost its recorder."""

from typing import TYPE_CHECKING

from agents.sessions.errors import Fenced, RecordsRefused, WriteFailed
from agents.sessions.last_words import LastWords, leave, settled
from agents.sessions.recorder import Recorder

if TYPE_CHECKING:
    from agents.sessions.group_commit import GroupCommit


def record_end(group: "GroupCommit", words: LastWords) -> None:
    """Record the end, and again without its text if the store refuses it.

    A fenced journal drops it, since the store's new writer decides.
    """
    if isinstance(group.closed, Fenced):
        return
    store = str(group.store)
    leave(store, words)
    if group.closed is not None:
        return

    def failed(failure: WriteFailed) -> None:
        if isinstance(failure, RecordsRefused):  # also Fenced
            settled(store, words)
            if words != words.bare():
                record_end(group, words.bare())

    ended = words.ended
    recorder = Recorder(group, ended.session_id, ended.id, words.event.seq - 1, lambda _: settled(store, words), failed)
    group.add(recorder)
    recorder.last_words(words)
