"""`understudy sessions`, beside a journal that has the store open."""

import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.sessions import Store
from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import Ended, environment
from tests.agents.sessions.keeping import batch, begun, ended


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Claim a store and keep it open, as a daemon does."""
    store = await Store.open(f"sqlite:///{tmp_path}/understudy/sessions.db")
    await store.claim()
    await store.write(begun("t", "first"))
    await store.write(batch(ended=[ended("t", "first")]))
    await store.write(begun("u", "second"))
    yield store
    await store.close()


async def sessions(store: Store, *arguments: str) -> Ended:
    return await understudy("sessions", *arguments, "--store", f"sqlite:///{store.url.database}")


async def test_sessions_are_listed_renamed_and_shown(store: Store) -> None:
    assert await sessions(store, "rename", "first", "Why\x1b[2J?") == (0, "renamed\n", "")
    listed = await sessions(store, "list")
    assert (listed.code, listed.err) == (0, "")
    assert {line.split()[0] for line in listed.out.splitlines()[1:]} == {"first", "second"}
    shown = await sessions(store, "show", "first")
    assert shown.code == 0
    assert re.search(r"^first .* 2  Why.\[2J\?$", shown.out, re.MULTILINE)
    assert "\nuser: Why?\n" in shown.out
    assert "\nassistant: Because.\n" in shown.out
    assert re.search(r"^stream t .* complete  3 events$", shown.out, re.MULTILINE)


async def test_a_page_continues_after_the_previous_one(store: Store) -> None:
    first = (await sessions(store, "list", "--limit", "1")).out.splitlines()[1].split()[0]
    then = (await sessions(store, "list", "--after", first)).out.splitlines()[1].split()[0]
    assert {first, then} == {"first", "second"}


async def test_an_export_is_json_lines(store: Store) -> None:
    exported = await sessions(store, "export", "first")
    assert (exported.code, exported.err) == (0, "")
    kinds = [json.loads(line)["type"] for line in exported.out.splitlines()]
    assert kinds == ["session", "message", "message", "stream", "event", "event", "event"]


async def test_a_fork_prints_its_id_and_continues_from_the_event(store: Store) -> None:
    assert await sessions(store, "fork", "first", "--as", "mine", "--stream", "t", "--seq", "2") == (0, "mine\n", "")
    assert "\nassistant, cut:  word word\n" in (await sessions(store, "show", "mine")).out
    whole = await sessions(store, "fork", "first", "--stream", "t")
    assert "\nassistant: Because.\n" in (await sessions(store, "show", whole.out.strip())).out


async def test_a_store_with_a_living_writer_refuses_a_delete_from_outside(store: Store) -> None:
    refused = await sessions(store, "delete", "first", "--yes")
    assert (refused.code, refused.out) == (3, "")
    assert refused.err.startswith(f"understudy: the store is in use by pid {os.getpid()}: ")
    assert refused.err.count("\n") == 1
    assert await store.session("first") is not None
    await store.close()
    assert await sessions(store, "delete", "first", "--yes") == (0, "deleted\n", "")
    assert await sessions(store, "delete", "first", "--yes") == (
        3,
        "",
        "understudy: expected the id of a session, got 'first', which does not exist\n",
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["show", "no"], "expected the id of a session, got 'no', which does not exist"),
        (["rename", "no", "x"], "expected the id of a session, got 'no', which does not exist"),
        (["export", "no"], "expected the id of a session, got 'no', which does not exist"),
        (["list", "--after", "no"], "expected the id of a session, got 'no', which does not exist"),
        (["fork", "no"], "expected the id of a session, got 'no', which does not exist"),
        (["fork", "first", "--stream", "u"], "expected the id of a stream of session 'first', got 'u'"),
        (["fork", "first", "--stream", "t", "--seq", "9"], "expected a seq from 0 to 3, got 9"),
        (["fork", "first", "--as", "second"], "expected a new session's id, got 'second', which is in use"),
        (["fork", "first", "--seq", "1"], "expected --stream, too"),
    ],
)
async def test_a_missing_session_is_one_line(store: Store, arguments: list[str], text: str) -> None:
    code, out, err = await sessions(store, *arguments)
    assert (code, out) == (2 if "--seq" in arguments and "--stream" not in arguments else 3, "")
    (line,) = err.splitlines()
    assert text in line


async def test_without_a_store_it_names_the_place_of_its_search(tmp_path: Path) -> None:
    found = await understudy("sessions", "list", env=environment(XDG_STATE_HOME=str(tmp_path)))
    assert found == (4, "", f"understudy: no store exists at {tmp_path}/understudy/sessions.db\n")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("named", ["--config", "UNDERSTUDY_CONFIG", "~/.config"])
async def test_the_store_is_the_one_of_the_configuration(store: Store, tmp_path: Path, named: str) -> None:
    folder = tmp_path / ".config" / "understudy"
    folder.mkdir(parents=True)
    file = folder / "sys.config" if named == "~/.config" else tmp_path / "other.config"
    file.write_text(f'[{{understudy, [{{sessions, [{{url, "sqlite:///{store.url.database}"}}]}}]}}].')
    env = environment(HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path / "none"), XDG_CONFIG_HOME="")
    arguments = ["--config", str(file)] if named == "--config" else []
    if named == "UNDERSTUDY_CONFIG":
        env[named] = str(file)
    listed = await understudy("sessions", "list", *arguments, env=env)
    assert (listed.code, listed.err) == (0, "")
    assert {line.split()[0] for line in listed.out.splitlines()[1:]} == {"first", "second"}


async def test_a_fault_of_the_configuration_is_reported_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "sys.config"
    file.write_text("[{understudy, [{sesions, []}]}].")
    listed = await understudy("sessions", "list", "--config", str(file))
    assert (listed.code, listed.out) == (2, "")
    assert listed.err.startswith(f"{file}:1:")
    assert listed.err.count("\n") == 1


async def test_options_may_come_before_or_after_the_command(store: Store) -> None:
    where = ("--store", f"sqlite:///{store.url.database}")
    for arguments in ((*where, "list"), ("--store", "sqlite:////nowhere", "list", *where)):
        assert (await understudy("sessions", *arguments)).code == 0
    both = await understudy("sessions", *where, "list", "--url", "http://127.0.0.1:1")
    assert (both.code, both.err.count("\n")) == (2, 1)
    assert "expected --url or --store, got both" in both.err
