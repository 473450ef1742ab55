"""The number of nodes of `serve --nodes`."""

import os

import pytest

from agents.daemon.crew.node_count import AUTO, MOST, MOST_ON_SQLITE, node_count
from agents.daemon.errors import CannotStart
from agents.settings import Durability, SessionSettings, Settings
from agents.settings.cluster import ClusterSettings

SQLITE = Settings(sessions=SessionSettings(durability=Durability.BATCHED))
POSTGRES = Settings(sessions=SessionSettings(durability=Durability.BATCHED, url="postgresql://h/d"))
SYNC_FILE = Settings(sessions=SessionSettings(durability=Durability.SYNC, url="sqlite:////tmp/s.db"))


@pytest.mark.parametrize(
    ("given", "settings", "count"), [("1", SQLITE, 1), ("4", SQLITE, 4), ("004", SQLITE, 4), ("256", POSTGRES, 256)]
)
def test_a_number_is_the_number_of_nodes(given: str, settings: Settings, count: int) -> None:
    assert node_count(given, settings) == count


@pytest.mark.parametrize("cores", [1, 3, 16, 1000])
def test_auto_is_a_node_per_core_as_far_as_the_store_allows(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)))
    assert node_count(AUTO, POSTGRES) == min(cores, MOST)
    assert node_count(AUTO, SQLITE) == min(cores, MOST_ON_SQLITE)


@pytest.mark.parametrize("given", ["0", "-1", "x", "", "1.5", "257", "1e1", "٣", "AUTO", " 2", "9" * 5000])
def test_another_text_is_refused_with_what_was_expected(given: str) -> None:
    with pytest.raises(CannotStart, match=r"--nodes: expected a number from 1 to 256, or auto, got '"):
        node_count(given, POSTGRES)


@pytest.mark.parametrize("settings", [SQLITE, SYNC_FILE])
def test_more_nodes_than_sqlite_serves_are_refused(settings: Settings) -> None:
    with pytest.raises(CannotStart, match="expected at most 4 with a store in SQLite, got 5"):
        node_count("5", settings)


@pytest.mark.parametrize("given", ["1", "2", AUTO])
def test_sessions_that_are_not_kept_are_refused(given: str) -> None:
    with pytest.raises(CannotStart, match=r"^sessions.durability: expected batched or sync with --nodes, got off"):
        node_count(given, Settings())


def test_several_nodes_can_not_share_one_address_of_their_own() -> None:
    settings = SQLITE.model_copy(update={"cluster": ClusterSettings(listen="10.0.0.4:8766")})
    assert node_count("1", settings) == 1
    with pytest.raises(CannotStart, match=r"^cluster.listen: expected unix with --nodes 2, got '10.0.0.4:8766'"):
        node_count("2", settings)
