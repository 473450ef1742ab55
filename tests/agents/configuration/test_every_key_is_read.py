"""The code reads every key that it accepts."""

from tests.agents.configuration.reads import fields, reads


def test_every_key_of_the_settings_is_read_where_it_has_its_effect() -> None:
    unread: dict[str, set[str]] = {}
    for owner, field in fields():
        if (owner, field) not in reads():
            unread.setdefault(owner, set()).add(field)
    assert unread == {}
