"""No key is accepted and unread."""

from tests.agents.configuration.reads import MODELS, fields, reads

WAITING = {
    "GatewaySettings": set(MODELS["GatewaySettings"].model_fields),
    "SessionSettings": set(MODELS["SessionSettings"].model_fields),
    "DaemonSettings": set(MODELS["DaemonSettings"].model_fields),
    "StreamingSettings": {"enable_compression"},
    "Settings": {"sessions", "gateway", "daemon", "agents", "logging"},
}
"""Keys whose reader is not written yet. One that has its reader must be taken out here."""


def test_every_key_of_the_settings_is_read_where_it_has_its_effect() -> None:
    unread: dict[str, set[str]] = {}
    for owner, field in fields():
        if (owner, field) not in reads():
            unread.setdefault(owner, set()).add(field)
    assert unread == WAITING
