"""The laws that hold after every fault."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from agents.core.errors import Interrupted
from agents.core.events import TERMINAL, Event, StreamComplete, StreamError
from tests.agents.texts import text_that_stands
from tests.cluster.audit import WRITES_AFTER_DEATH, WRONG_OWNERS
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Recording
from tests.cluster.script import answer_to


async def check_all(cluster: Cluster, recordings: Iterable[Recording]) -> None:
    """Check every law. Each recorded turn must have ended with the whole answer."""
    from tests.agents.sessions.cluster import OWNER

    await check_on_any_store(cluster.database.url(OWNER), cluster.effects, recordings)
    await no_row_follows_the_death_of_its_node(cluster)
    await a_session_changes_its_owner_only_by_its_owner_or_after_its_death(cluster)


async def check_on_any_store(url: str, effects: Path, recordings: Iterable[Recording]) -> None:
    """Check the laws that need no audit of the store. url: of the store."""
    for recording in recordings:
        seqs_rise_and_have_gaps_only_between_attempts(recording)
        one_end_comes_last(recording)
        the_text_that_stands_is_the_scripts(recording)
    each_call_that_is_not_idempotent_ran_at_most_once(effects)
    await the_store_has_what_the_clients_saw(url, recordings)


def seqs_rise_and_have_gaps_only_between_attempts(recording: Recording) -> None:
    events = recording.events
    assert events[0].seq == 1
    for earlier, later in pairwise(events):
        assert later.seq > earlier.seq, recording.report(earlier, later)
        if later.attempt == earlier.attempt:
            assert later.seq - getattr(later, "joined", 1) == earlier.seq, recording.report(earlier, later)
        else:
            assert later.attempt > earlier.attempt, recording.report(earlier, later)


def one_end_comes_last(recording: Recording) -> None:
    ends = [event for event in recording.events if isinstance(event, TERMINAL)]
    assert ends == recording.events[-1:], recording.report(*ends)


def it_ended_as_interrupted(recording: Recording) -> None:
    seqs_rise_and_have_gaps_only_between_attempts(recording)
    one_end_comes_last(recording)
    end = recording.events[-1]
    assert isinstance(end, StreamError), recording.report(end)
    assert end.reason == Interrupted(), recording.report(end)


def the_text_that_stands_is_the_scripts(recording: Recording) -> None:
    end = recording.events[-1]
    assert isinstance(end, StreamComplete), recording.report(end)
    assert text_that_stands(recording.events) == end.response.content, recording.report(end)
    assert end.response.content == answer_to(recording.message), recording.report(end)


def each_call_that_is_not_idempotent_ran_at_most_once(effects: Path) -> None:
    runs = {file.name: file.read_text().split() for file in effects.glob("pays-*")}
    assert {name: pids for name, pids in runs.items() if len(pids) > 1} == {}


async def no_row_follows_the_death_of_its_node(cluster: Cluster) -> None:
    assert await cluster.database.rows(WRITES_AFTER_DEATH) == []


async def a_session_changes_its_owner_only_by_its_owner_or_after_its_death(cluster: Cluster) -> None:
    assert await cluster.database.rows(WRONG_OWNERS) == []


async def the_store_has_what_the_clients_saw(url: str, recordings: Iterable[Recording]) -> None:
    from agents.sessions import Store

    store = await Store.open(url)
    try:
        for recording in recordings:
            kept = await store.events(recording.stream_id)
            seqs_of_the_store_hold_the_clients(recording, kept)
    finally:
        await store.close()


def seqs_of_the_store_hold_the_clients(recording: Recording, kept: list[Event]) -> None:
    """Tokens that were shown shortly before a crash may be missing, so compare the last attempt only."""
    last = recording.events[-1].attempt
    seen = [event for event in recording.events if event.attempt == last]
    assert kept[-1] == seen[-1], recording.report(*kept[-1:])
    assert text_that_stands(kept) == text_that_stands(recording.events), recording.report()
