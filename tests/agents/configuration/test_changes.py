"""The effect of a changed setting: it applies, or needs a restart."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from agents.configuration.changes import changes, rule
from agents.configuration.walking import keys
from agents.settings import Applies, Settings
from agents.settings.agent import AgentSettings

KEYS = {".".join(map(str, leaf.path)): leaf.path for leaf in keys(Settings())}

NEEDS_RESTART = {
    "tools.workers",
    "tools.min_workers",
    "tools.worker_idle_time",
    "tools.import_timeout",
    "garbage_collection",
    "agents",
    "sessions.url",
    "sessions.durability",
    "sessions.batch_time",
    "sessions.batch_events",
    "sessions.on_restart",
    "sessions.max_recoveries",
    "sessions.store_timeout",
    "sessions.store_grace",
    "sessions.idle_time",
    "sessions.park_after",
    "sessions.retention.max_age",
    "sessions.retention.max_bytes",
    "sessions.retention.charges_max_age",
    "sessions.retention.effects_max_age",
    "cluster.enabled",
    "cluster.name",
    "cluster.lease_time",
    "cluster.failover_wait",
    "cluster.max_takeovers",
    "cluster.listen",
    "cluster.advertise",
    "cluster.secret_file",
    "cluster.tls_certificate",
    "cluster.tls_key",
    "cluster.tls_ca",
    "gateway.host",
    "gateway.port",
    "gateway.allow_remote",
    "gateway.token_file",
    "gateway.tls_certificate",
    "gateway.tls_key",
    "daemon.state_dir",
    "daemon.drain_time",
    "telemetry.enabled",
    "telemetry.content",
    "telemetry.endpoint",
}


def of(**given: Any) -> Settings:
    return Settings.model_validate(given)


def reported(old: Settings, new: Settings) -> tuple[list[str], list[str]]:
    reload = changes(old, new)
    assert reload.rejected == ()
    return [str(change) for change in reload.applied], [str(change) for change in reload.needs_restart]


def test_every_key_applies_or_needs_a_restart() -> None:
    assert {key for key, path in KEYS.items() if rule(path) is None} == NEEDS_RESTART


def test_unchanged_settings_give_no_report() -> None:
    reload = changes(of(model="a"), of(model="a"))
    assert (reload.settings, reload.applied, reload.needs_restart) == (of(model="a"), (), ())


def test_each_change_is_reported_by_its_key_and_never_with_its_value() -> None:
    old = of(api_key=SecretStr("old-secret"), gateway={"port": 1}, providers={"max_failures": 1})
    new = of(api_key=SecretStr("new-secret"), gateway={"port": 2, "heartbeat": 5}, providers={"order": ["a"]})
    applied, needs_restart = reported(old, new)
    assert applied == [
        "api_key: applies to agents that start from now on",
        "providers.max_failures: applies to model calls from now on",
        "providers.order: applies to agents that start from now on",
        "gateway.heartbeat: applies to requests from now on",
    ]
    assert needs_restart == ["gateway.port: needs a restart"]


def test_a_key_that_needs_a_restart_keeps_its_value_and_is_reported_again() -> None:
    old, new = of(daemon={"drain_time": 1}, model="a"), of(daemon={"drain_time": 2}, model="b")
    settings = changes(old, new).settings
    assert (settings.daemon.drain_time, settings.model) == (1, "b")
    assert reported(settings, new) == ([], ["daemon.drain_time: needs a restart"])


def test_new_agents_are_started_and_running_ones_continue() -> None:
    same, before, after = AgentSettings(id="a"), AgentSettings(id="b"), AgentSettings(id="b", max_queue=1)
    gone, added = AgentSettings(id="c"), AgentSettings(id="d")
    old, new = Settings(agents=(same, before, gone)), Settings(agents=(added, same, after))
    reload = changes(old, new)
    assert reload.agents == (added,)
    assert reload.settings.agents == (same, before, gone, added)
    assert reported(old, new) == (
        ["agents.d: is started"],
        ["agents.b: keeps its settings: stop it, then reload again", "agents.c: keeps running until it is stopped"],
    )


@given(st.sets(st.sampled_from(["model", "streaming", "gateway", "daemon", "providers"])))
def test_applied_keys_have_the_new_values_and_all_others_the_old_ones(sections: set[str]) -> None:
    other: dict[str, Any] = {
        "model": "x",
        "streaming": {"timeout": 1},
        "gateway": {"port": 1, "heartbeat": 1},
        "daemon": {"drain_time": 1},
        "providers": {"open_time": 1},
    }
    old, new = Settings(), of(**{name: other[name] for name in sections})
    settings = changes(old, new).settings
    for leaf, before, after in zip(keys(settings), keys(old), keys(new), strict=True):
        assert leaf.value == (before.value if rule(leaf.path) is None else after.value)


@pytest.mark.parametrize("applies", list(Applies))
def test_every_kind_of_applying_has_a_key(applies: Applies) -> None:
    assert applies in map(rule, KEYS.values())
