"""The workspace of file_ops: by default its own folder, and never a folder with the daemon's files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents import application
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.agent_config.workspace import bound, misplaced
from agents.configuration import InvalidConfiguration, load
from agents.settings import DaemonSettings, GatewaySettings, SessionSettings, Settings, ToolSettings
from agents.tools.builtin.web_search import NOT_CONFIGURED
from agents.tools.registry import resolve
from agents.tools.tool import Tool, tool
from supervisors import agent_supervisor

Place = Callable[[Path], Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a folder with the state directory, a workspace beside it, and links to both."""
    (tmp_path / "state" / "files").mkdir(parents=True, mode=0o700)
    (tmp_path / "state").chmod(0o700)
    (tmp_path / "state" / "token").write_text("the token")
    (tmp_path / "work").mkdir()
    (tmp_path / "to-state").symlink_to(tmp_path / "state")
    (tmp_path / "to-home").symlink_to(tmp_path)
    return tmp_path


def settings(home: Path, root: Path | None = None, **gateway: Any) -> Settings:
    return Settings(
        daemon=DaemonSettings(state_dir=home / "state"),
        tools=ToolSettings(file_ops_root=root),
        gateway=GatewaySettings(**gateway),
    )


def tool_of(settings: Settings) -> Tool:
    return resolve(["file_ops"], lambda _: bound(settings))["file_ops"]


WRONG: dict[str, Place] = {
    "equal": lambda home: home / "state",
    "around": lambda home: home,
    "the root": lambda _: Path("/"),
    "inside": lambda home: home / "state" / "notes",
    "by a link": lambda home: home / "to-state",
    "around by a link": lambda home: home / "to-home",
    "inside by a link": lambda home: home / "to-state" / "notes",
    "by ..": lambda home: home / "work" / ".." / "state",
    "out of its own": lambda home: home / "state" / "files" / "..",
    "beside its own": lambda home: home / "state" / "files2",
    "the token itself": lambda home: home / "state" / "token",
}


@pytest.mark.parametrize("place", WRONG.values(), ids=WRONG)
def test_a_workspace_that_meets_the_state_directory_is_refused(home: Path, place: Place) -> None:
    told = settings(home, place(home))
    assert misplaced(told) is not None
    with pytest.raises(
        InvalidAgentConfig, match=r"tools.file_ops_root: expected a folder apart from .*, got "
    ) as refused:
        agent_config({"model": "m", "tools": ["file_ops"]}, told)
    assert len(refused.value.faults) == 1
    agent_config({"model": "m", "tools": ["calculator"]}, told)


def test_a_relative_path_is_one_from_the_programs_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / "work")
    assert misplaced(settings(home, Path("../state"))) is not None
    assert misplaced(settings(home, Path("."))) is None


RIGHT: dict[str, Place] = {
    "beside": lambda home: home / "work",
    "not there yet": lambda home: home / "later" / "work",
    "its own": lambda home: home / "state" / "files",
    "in its own": lambda home: home / "state" / "files" / "of-ada",
    "its own by a link": lambda home: home / "to-state" / "files",
}


@pytest.mark.parametrize("place", RIGHT.values(), ids=RIGHT)
def test_a_workspace_apart_or_in_its_own_folder_is_fine(home: Path, place: Place) -> None:
    assert misplaced(settings(home, place(home))) is None


def test_a_workspace_holds_no_token_no_key_and_no_store_wherever_these_are(home: Path) -> None:
    work = home / "work"
    for told in (
        settings(home, work, token_file=work / "secrets" / "token"),
        settings(home, work, tls_key=work / "key.pem"),
        settings(home, None, token_file=home / "state" / "files" / "token"),
        settings(home, work).model_copy(update={"sessions": SessionSettings(url=f"sqlite:///{work}/s.db")}),
    ):
        assert misplaced(told) is not None


def test_a_workspace_holds_no_file_of_the_configuration(home: Path) -> None:
    work = home / "work"
    (work / "more.config").write_text(f'[{{agents, [{{tools, [{{file_ops_root, "{work}"}}]}}]}}].')
    (home / "sys.config").write_text(
        f'[{{understudy, [{{daemon, [{{state_dir, "{home}/state"}}]}}]}}, "work/more.config"].'
    )
    with pytest.raises(InvalidConfiguration) as refused:
        load(home / "sys.config", {})
    (fault,) = refused.value.faults
    assert str(fault) == (
        f"{work}/more.config:1:37: tools.file_ops_root: expected a folder apart from the daemon's own files,"
        f" got {work}, which holds the configuration file {work}/more.config"
    )


def test_what_comes_into_the_workspace_later_is_denied(home: Path) -> None:
    work = home / "work"
    files = tool_of(settings(home, work))
    os.link(home / "state" / "token", work / "hard")
    (work / "soft").symlink_to(home / "state" / "token")
    for name in ("hard", "soft"):
        with pytest.raises(ValueError, match=f"read '{name}': "):
            files("read", name)
    (home / "state" / "lock").write_text("4711")
    work.rename(home / "aside")
    work.symlink_to(home / "state")
    for operation, name in (("read", "token"), ("list", "."), ("write", "lock")):
        with pytest.raises(ValueError, match="the file belongs to the host"):
            files(operation, name, "x")
    work.unlink()
    work.symlink_to(home)
    for operation, name in (("read", "state/token"), ("list", "state"), ("write", "state/lock")):
        with pytest.raises(ValueError, match="the file belongs to the host"):
            files(operation, name, "x")
    assert (home / "state" / "lock").read_text() == "4711"


def test_its_own_folder_is_made_for_its_owner_alone_at_the_first_call(tmp_path: Path) -> None:
    files = tool_of(settings(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    assert files("list", ".") == []
    files("write", "a.txt", "kept")
    for folder in ("state", "state/files"):
        assert (tmp_path / "new" / folder).stat().st_mode & 0o777 == 0o700
    assert files("read", "a.txt") == "kept"


def test_a_folder_that_the_settings_name_is_not_made(tmp_path: Path) -> None:
    files = tool_of(settings(tmp_path, tmp_path / "mistyped"))
    with pytest.raises(ValueError, match="no such file or directory"):
        files("list", ".")
    assert not (tmp_path / "mistyped").exists()


def test_a_programs_tool_may_have_the_name_of_a_built_in_one() -> None:
    def web_search(query: str, endpoint: str = "mine") -> str:
        """Search."""
        return f"{query} {endpoint}"

    made = resolve([tool(isolation="thread")(web_search)], lambda _: {"endpoint": "http://x"})["web_search"]
    assert made.bound == {}


async def test_the_documented_start_works_with_default_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    async with application.running():
        await agent_supervisor.start_agent({"name": "Researcher", "tools": ["web_search", "file_ops"]})
    (line,) = [each for each in caplog.messages if "tool_not_configured" in each]
    assert "tools.web_search_endpoint" in line
    assert "tools.web_search_endpoint" in NOT_CONFIGURED
