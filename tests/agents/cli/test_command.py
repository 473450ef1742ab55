"""The command `understudy` itself."""

from importlib.metadata import version

import pytest
from click.testing import CliRunner

from agents.cli import COMMANDS
from agents.cli import understudy as root
from tests.agents.cli.forked import understudy


async def test_without_a_command_it_shows_its_help() -> None:
    shown = await understudy()
    assert shown == await understudy("--help")
    assert (shown.code, shown.err) == (0, "")
    for name in COMMANDS:
        assert f"\n  {name} " in shown.out


async def test_it_prints_its_version() -> None:
    assert await understudy("--version") == (0, f"understudy {version('understudy')}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    shown = CliRunner().invoke(root, [name, "--help"], prog_name="understudy")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: understudy {name}")


async def test_a_command_that_has_commands_shows_them_when_none_is_given() -> None:
    shown = await understudy("sessions")
    assert (shown.code, shown.out) == (2, "")
    assert shown.err == (await understudy("sessions", "--help")).out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["chatt"], "No such command 'chatt'"),
        (["chat", "--modell", "x"], "No such option"),
        (["chat", "--api", "soap", "hi"], "'soap' is not one of"),
        (["chat", "--root", "/does/not/exist", "--tools", "file_ops", "hi"], "does not exist"),
        (["chat", "--tools", "file_ops", "hi"], "file_ops: expected --root DIR"),
        (["chat", "--root", "/", "hi"], "--root is for file_ops"),
        (["chat", "--search-endpoint", "http://127.0.0.1/", "hi"], "--search-endpoint is for web_search"),
        (["chat", " "], "expected a message, got an empty one"),
        (["rehearse", "--port", "0x"], "'--port': expected a whole number from 0 to 65535, got '0x'"),
        (["rehearse", "--port", "65536"], "'--port': expected a whole number from 0 to 65535, got '65536'"),
        (["tail", "s", "--after", "-1"], "'--after': expected a whole number from 0, got '-1'"),
        (["sessions", "list", "--limit", "0"], "'--limit': expected a whole number from 1, got '0'"),
        (["schedules", "add", "s", "--every", "nan"], "'--every': expected a number of seconds, or a time such as 30m"),
    ],
)
async def test_a_wrong_option_is_one_line(arguments: list[str], text: str) -> None:
    code, out, err = await understudy(*arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert text in line


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["chats"], "'chat'"),
        (["session", "list"], "'sessions'"),
        (["stop-demon"], "'stop-daemon'"),
        (["sessions", "lst"], "'list'"),
        (["config", "chek"], "'check'"),
    ],
)
async def test_a_misspelled_command_names_the_command_that_is_meant(arguments: list[str], meant: str) -> None:
    code, out, err = await understudy(*arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert f"; did you mean {meant}?" in line


async def test_a_command_unlike_any_other_gets_no_suggestion() -> None:
    _, _, err = await understudy("xyzzy")
    assert err == "understudy: No such command 'xyzzy'. (see understudy --help)\n"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (["-h"], ["--help"]),
        (["help"], ["--help"]),
        (["-v"], ["--version"]),
        (["chat", "-h"], ["chat", "--help"]),
        (["help", "chat"], ["chat", "--help"]),
        (["sessions", "help", "list"], ["sessions", "list", "--help"]),
    ],
)
async def test_help_and_version_have_the_usual_spellings(short: list[str], long: list[str]) -> None:
    assert await understudy(*short) == await understudy(*long)


async def test_help_imports_neither_a_client_nor_a_server() -> None:
    """Imports take most of the time of `--help`."""
    import subprocess
    import sys

    script = "import sys, agents.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: ASYNC221
    assert not {"openai", "aiohttp", "pydantic", "rich", "prompt_toolkit", "thespian"} & set(done.stdout.split())
