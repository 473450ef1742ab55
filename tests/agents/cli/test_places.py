"""The daemon that a command asks: by options, else by variables, else by the state directory."""

from pathlib import Path

from tests.agents.cli.forked import Forks
from tests.agents.gateway.site import TOKEN, Site

NOWHERE = "http://127.0.0.1:1"


async def test_every_command_finds_the_daemon_of_the_variables(commands: Forks, here: Site) -> None:
    await here.agent("echo")
    assert (await commands.understudy("chat", "Hello.", "--agent", "a")).out == "Hello.\n"
    assert (await commands.understudy("chat", "Hello.", "--model", "echo")).out == "Hello.\n"
    assert (await commands.understudy("sessions", "show", "a")).code == 0
    for name in ("ps", "tree", "top", "approvals"):
        assert (await commands.understudy(name)).code == 0, name


async def test_an_option_overrides_the_variables(commands: Forks, here: Site, tmp_path: Path) -> None:
    token = str(tmp_path / "token")
    wrong = {**commands.env, "UNDERSTUDY_URL": NOWHERE, "UNDERSTUDY_TOKEN_FILE": "/none"}
    assert (await commands.understudy("ps", "--url", here.url, "--token-file", token, env=wrong)).code == 0
    other = await commands.understudy("ps", "--state-dir", str(tmp_path))
    assert f"expected a daemon with the state directory {tmp_path}, found none" in other.err
    store = ("--store", f"sqlite:///{tmp_path}/s.db")
    for arguments in ((*store, "list"), ("list", *store)):
        assert (await commands.understudy("sessions", *arguments, env=wrong)).code == 0


async def test_a_chat_with_an_endpoint_of_its_own_does_not_go_to_the_daemon(commands: Forks, here: Site) -> None:
    own = ("--base-url", f"{NOWHERE}/v1", "--model", "echo")
    ended = await commands.understudy("chat", "Hello.", *own, env={**commands.env, "OPENAI_API_KEY": "any"})
    assert (ended.code, ended.err.startswith("understudy: network error: econnrefused")) == (4, True)


async def test_a_faulty_address_of_the_variable_names_the_variable(commands: Forks) -> None:
    ended = await commands.understudy("ps", env={"UNDERSTUDY_URL": "localhost:1"})
    assert ended.code == 2
    assert "UNDERSTUDY_URL: expected an address that begins with http:// or https://, got 'localhost:1'" in ended.err


async def test_the_doctor_checks_the_daemon_at_an_address(commands: Forks, here: Site, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("w" * 43)
    well = await commands.understudy("doctor", "--url", here.url)
    assert well.out.splitlines()[:2] == [
        f"ok    daemon: {here.url}: answers",
        "ok    token: accepted, of the host, with the scopes admin, approve, approve_all, chat, metrics, read",
    ]
    refused = await commands.understudy("doctor", "--url", here.url, "--token-file", str(tmp_path / "wrong"))
    assert (refused.code, refused.out.splitlines()[-1][:11]) == (1, "fail  token")
    gone = await commands.understudy("doctor", "--url", NOWHERE)
    assert (gone.code, gone.out) == (1, f"fail  daemon: {NOWHERE}: no daemon listens there\n")
    assert TOKEN not in well.out + refused.out + gone.out
