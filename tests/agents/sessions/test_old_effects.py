"""Old effects are deleted once their outcome is known. Those that nobody knows, and those of open turns, stay."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from agents.core.ledger import EffectState, LedgerEntry
from agents.core.outcome import Happened
from agents.sessions import OutcomeKnown, Store, UnknownEffect
from agents.sessions import effects as module
from agents.sessions.effects import Chosen, effect, effects, forget, settle
from agents.sessions.side_records import EffectNoted
from tests.agents.sessions.keeping import AT, batch, session, stream

HOUR = timedelta(hours=1)


def noted(key: str, state: EffectState, stream_id: str = "over", hours: int = 0) -> EffectNoted:
    entry = LedgerEntry(key, f"call-{key}", "pay", "0" * 64, state, attempt=int(state is not EffectState.INTENDED))
    return EffectNoted(entry, "s", stream_id, "ann", AT + hours * HOUR)


async def keys(store: Store) -> list[str]:
    return sorted(each.key for each in await effects(store, Chosen()))


async def write(store: Store, records: Sequence[EffectNoted]) -> None:
    await store.write(replace(batch(), effects=[*records]))


@pytest.mark.parametrize("group", [1, 500])
async def test_effects_are_deleted_when_their_outcome_has_been_known_for_long(
    store: Store, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr(module, "GROUP", group)
    await store.write(batch([session("s")], [stream("open")]))
    await write(store, [noted(f"{state}-old", state) for state in EffectState])
    await write(store, [noted(f"{state}-new", state, hours=5) for state in EffectState])
    await write(store, [noted(f"{state}-open", state, "open") for state in EffectState])
    before = await keys(store)
    assert await forget(store, AT) == 0
    assert await forget(store, AT + HOUR) == 2
    assert await keys(store) == [key for key in before if key not in ("done-old", "failed-old")]


async def test_the_word_of_a_person_begins_the_time_again(store: Store) -> None:
    await write(store, [noted("k", EffectState.UNKNOWN)])
    settled = await settle(store, "k", Happened("paid"), "ann", None)
    assert settled.settled_at is not None
    assert await forget(store, settled.settled_at) == 0
    assert await forget(store, settled.settled_at + HOUR) == 1
    assert await effect(store, "k") is None


async def test_an_effect_is_settled_once_by_its_key_whatever_its_state(store: Store) -> None:
    await write(store, [noted(state.value, state) for state in EffectState])
    for state in EffectState:
        found = await effect(store, state.value)
        assert (found and found.state) == state
    for state in set(EffectState) - {EffectState.UNKNOWN}:
        with pytest.raises(OutcomeKnown):
            await settle(store, state.value, Happened(None), "ann", None)
    assert (await settle(store, "begun", Happened(None), "ann", None, begun=True)).state is EffectState.DONE
    assert (await settle(store, "unknown", Happened(None), "ann", None)).state is EffectState.DONE
    with pytest.raises(OutcomeKnown):
        await settle(store, "unknown", Happened(None), "ann", None)
    for key in ("other", "", "\0"):
        with pytest.raises(UnknownEffect):
            await settle(store, key, Happened(None), "ann", None)
