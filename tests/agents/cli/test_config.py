"""`understudy config check | show | init`."""

import stat
from pathlib import Path

import pytest

from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import environment

GOOD = """
[{agents, [{model, "gpt-4o"}, {api_key, {env, "KEY"}}, {base_url, {env, "WHERE"}}]},
 {understudy, [{agents, [#{name => "Ada", tools => [calculator], api_key => {env, "KEY"}}]}]}].
"""
SECRETS = {"KEY": "sk-secret-of-mine", "WHERE": "https://me:secret-of-mine@host/v1"}


@pytest.fixture
def text() -> str:
    return GOOD


@pytest.fixture
def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sys.config"
    path.write_text(text)
    return path


async def test_check_confirms_a_valid_file(file: Path) -> None:
    shown = await understudy("config", "check", str(file), env=environment(**SECRETS))
    assert shown == (0, f"{file}: good; 0 included; 1 agent to start\n", "")


MISSPELLED = """
[{understudy, [{agents, [[{id, "writer"}]]},
    {schedules, [[{name, "s"}, {agent, "writr"}, {every, 60}, {message, "m"}]]}]}].
"""


@pytest.mark.parametrize("text", [MISSPELLED])
async def test_check_warns_of_an_agent_that_the_file_does_not_have(file: Path) -> None:
    shown = await understudy("config", "check", str(file))
    assert (shown.code, shown.out) == (0, f"{file}: good; 0 included; 1 agent to start\n")
    assert shown.err.startswith(f"warning: {file}:3:40: schedules[0].agent: expected an agent of the configuration, ")
    assert shown.err.endswith("got 'writr'; did you mean 'writer'?\n")


@pytest.mark.parametrize("text", ['[{agents, [{model, 1}, {api_key, "sk-secret-of-mine"}]}].'])
async def test_check_reports_every_fault_and_no_secret(file: Path) -> None:
    shown = await understudy("config", "check", str(file), "--set", "gateway.prot=1")
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.splitlines() == [
        f"{file}:1:20: model: expected text that is not empty, or undefined, got 1",
        f'{file}:1:34: api_key: expected {{env, "NAME"}} or {{file, "path"}}, or undefined, got a literal (not shown)',
        "--set gateway.prot: expected a known key, got prot; did you mean port?",
    ]


async def test_show_prints_every_value_and_its_source_but_no_secret(file: Path) -> None:
    env = environment(**SECRETS, UNDERSTUDY_GATEWAY__PORT="9000", UNDERSTUDY_SESSIONS__URL="x://u:secret-of-mine@h")
    shown = await understudy("config", "show", str(file), "--set", "logging.level=debug", env=env)
    assert (shown.code, shown.err) == (0, "")
    assert "secret-of-mine" not in shown.out
    rows = {line.split()[0]: line.split()[1:] for line in shown.out.splitlines()}
    assert rows["model"] == ['"gpt-4o"', f"{file}:2:20"]
    assert rows["api_key"] == ["***", f"{file}:2:41"]
    assert rows["base_url"] == ["***", f"{file}:2:67"]
    assert rows["agents[0].api_key"][0] == rows["sessions.url"][0] == "***"
    assert rows["agents[0].tools[0]"][0] == '"calculator"'
    assert rows["gateway.port"] == ["9000", "UNDERSTUDY_GATEWAY__PORT"]
    assert rows["logging.level"] == ["debug", "--set", "logging.level"]
    assert rows["gateway.host"] == ['"127.0.0.1"', "default"]


async def test_init_writes_a_valid_file_and_overwrites_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    path = folder / "sys.config"
    assert await understudy("config", "init", str(folder)) == (0, f"wrote {path}\n", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (await understudy("config", "check", str(path))).code == 0
    path.write_text("mine")
    shown = await understudy("config", "init", str(folder))
    assert (shown.code, shown.err) == (2, f"understudy: expected no file at {path}, got one; the file is unchanged\n")
    assert path.read_text() == "mine"


async def test_the_file_is_found_where_init_writes_it(tmp_path: Path) -> None:
    env = environment(XDG_CONFIG_HOME=str(tmp_path))
    missing = await understudy("config", "check", env=env)
    assert (missing.code, missing.out) == (2, "")
    assert "expected a configuration file, got none" in missing.err
    assert (await understudy("config", "init", env=env)).code == 0
    assert (await understudy("config", "check", env=env)).out.startswith(str(tmp_path / "understudy" / "sys.config"))
    named = await understudy("config", "check", env=environment(UNDERSTUDY_CONFIG=str(tmp_path / "gone.config")))
    assert (named.code, named.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["config", "chek"], "No such command 'chek'"),
        (["config", "check", "--set", "model"], "expected KEY=VALUE, got 'model'"),
        (["config", "init", "/dev/null/x"], "expected a folder to write to, got /dev/null/x"),
    ],
)
async def test_wrong_use_is_one_line(arguments: list[str], text: str) -> None:
    shown = await understudy(*arguments)
    assert (shown.code, shown.out, shown.err.count("\n")) == (2, "", 1)
    assert text in shown.err


async def test_config_alone_shows_its_help() -> None:
    shown = await understudy("config")
    assert (shown.code, shown.err) == (0, "")
    for name in ("check", "show", "init"):
        assert f"\n  {name} " in shown.out
