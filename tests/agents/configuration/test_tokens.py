"""gateway.tokens: users and scopes. A fault of a token is one line with its place, without the secret."""

import re
from pathlib import Path

import pytest

from agents.configuration.showing import rows
from agents.configuration.walking import secrets_of
from agents.settings import Scope
from tests.agents.configuration.conftest import Loader, Refusal

MANUAL = Path(__file__).parents[3] / "docs" / "gateway.md"
GOOD = {"ANN": "a" * 43, "BOB": "b" * 60, "SHORT": "s" * 42, "ODD": "o" * 42 + "!"}


def of(*tokens: str) -> str:
    """Return a file with one token per line, from the second line on."""
    told = ",\n".join(f"[{each}]" for each in tokens)
    return f"[{{understudy, [{{gateway, [{{tokens, [\n{told}\n]}}]}}]}}]."


def told(name: str = "ann", user: str = '"ann"', scopes: str = "[read]", secret: str = '{env, "ANN"}') -> str:
    return f'{{name, "{name}"}}, {{user, {user}}}, {{scopes, {scopes}}}, {{token, {secret}}}'


def test_a_token_is_read_from_the_environment_or_from_a_file_that_only_its_owner_reads(
    loading: Loader, tmp_path: Path
) -> None:
    file = tmp_path / "bob.token"
    file.touch(0o600)
    file.write_text("b" * 60 + "\n")
    text = of(told(scopes="[read, chat]"), told("bob", '"bob@example.org"', "[admin]", '{file, "bob.token"}'))
    ann, bob = loading(text, GOOD).settings.gateway.tokens
    assert (ann.name, ann.user, ann.scopes) == ("ann", "ann", (Scope.READ, Scope.CHAT))
    assert (bob.user, bob.scopes, bob.token.get_secret_value()) == ("bob@example.org", (Scope.ADMIN,), "b" * 60)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (of(told(secret='"' + "a" * 43 + '"')), "2:58: gateway.tokens[0].token: expected {env, "),
        (of(told(secret='{env, "NONE"}')), "2:58: gateway.tokens[0].token: expected NONE in the environment, got none"),
        (
            of(told(secret='{env, "SHORT"}')),
            "2:58: gateway.tokens[0].token: expected a token: 43 to 512 of A-Z a-z 0-9",
        ),
        (of(told(secret='{env, "ODD"}')), "2:58: gateway.tokens[0].token: expected a token: 43 to 512 of A-Z a-z 0-9"),
        (of(told(), told("bob")), "3:58: gateway.tokens[1].token: expected every token once, got that of 'ann' again"),
        (
            of(told(), told(secret='{env, "BOB"}')),
            "3:9: gateway.tokens[1].name: expected every name once, got 'ann' again",
        ),
        (
            of(told(scopes="[]")),
            "2:41: gateway.tokens[0].scopes: expected a list that is not empty; of each: read, chat",
        ),
        (
            of(told(scopes="[read, write]")),
            "2:48: gateway.tokens[0].scopes[1]: expected read, chat, approve, approve_all, metrics or admin, got write",
        ),
        (of(told(user='"a b"')), "2:24: gateway.tokens[0].user: expected a user's name: 1 to 128 of A-Z a-z 0-9"),
        (of(told(user='""')), "2:24: gateway.tokens[0].user: expected a user's name: 1 to 128 of A-Z a-z 0-9"),
        (
            of('{name, "ann"}, {scopes, [read]}, {token, {env, "ANN"}}'),
            "gateway.tokens[0].user: expected a user's name",
        ),
        (
            of(told() + ", {scope, admin}"),
            "gateway.tokens[0].scope: expected a known key, got scope; did you mean scopes",
        ),
    ],
)
def test_a_token_that_can_not_be_is_one_line_at_its_place(refusal: Refusal, text: str, line: str) -> None:
    (found,) = refusal(text, GOOD)
    assert line in found
    for secret in GOOD.values():
        assert secret not in found


def test_an_owner_of_an_agent_is_a_users_name(loading: Loader, refusal: Refusal) -> None:
    text = '[{understudy, [{agents, [[{name, "a"}, {model, "m"}, {owner, OWNER}]]}]}].'
    assert loading(text.replace("OWNER", "ann")).settings.agents[0].owner == "ann"
    (line,) = refusal(text.replace("OWNER", '"a/b"'))
    assert "agents[0].owner: expected a user's name" in line


def test_a_token_is_shown_by_nothing(loading: Loader) -> None:
    loaded = loading(of(told()), GOOD)
    assert GOOD["ANN"] in secrets_of(loaded.settings)
    shown = {row.key: row.value for row in rows(loaded)}
    assert shown["gateway.tokens[0].token"] == "***"
    assert shown["gateway.tokens[0].user"] == '"ann"'
    assert GOOD["ANN"] not in f"{shown} {loaded.settings!r} {loaded.settings.model_dump(mode='json')}"


def test_the_tokens_of_the_manual_can_be_loaded(loading: Loader, tmp_path: Path) -> None:
    (told_there,) = re.findall(r"^```erlang\n(.*?)^```$", MANUAL.read_text(), re.DOTALL | re.MULTILINE)
    for user in ("ann", "olaf"):
        file = tmp_path / f"{user}.token"
        file.touch(0o600)
        file.write_text(user[:1] * 43)
    loaded = loading(f"[{{understudy, [{told_there}]}}].", {"DASHBOARD_TOKEN": "d" * 43})
    assert [each.user for each in loaded.settings.gateway.tokens] == ["ann", "ann", "olaf"]


def test_tokens_of_the_environment_are_by_reference_as_well(loading: Loader) -> None:
    term = f"[[{told()}]]"
    loaded = loading("[].", {**GOOD, "UNDERSTUDY_GATEWAY__TOKENS": term})
    assert loaded.settings.gateway.tokens[0].token.get_secret_value() == GOOD["ANN"]
