"""The exit codes of the commands: a table."""

import importlib
from pathlib import Path

import pytest

from agents.cli.exit_codes import CODES, ExitCode, code_of
from agents.client import Refused
from agents.client import errors as client_errors
from agents.rehearsal import RehearsalServer, builtin
from agents.sessions import errors as store_errors
from tests.agents.cli.forked import Forks
from tests.agents.cli.terminal import pointing_at
from tests.agents.gateway.site import Site

NOWHERE = "http://127.0.0.1:1"


def test_each_code_belongs_to_an_error_that_exists() -> None:
    for name in CODES:
        module, _, attribute = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), attribute), Exception), name


def test_every_error_of_a_client_and_of_a_store_has_a_code() -> None:
    for errors in (client_errors, store_errors):
        kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
        assert kinds
        for kind in kinds:
            made: Exception = Exception.__new__(kind)
            assert code_of(made) in (ExitCode.USAGE, ExitCode.REFUSED, ExitCode.OUTAGE), kind


@pytest.mark.parametrize(("status", "code"), [(401, 3), (403, 3), (404, 3), (409, 3), (422, 3), (500, 4), (503, 4)])
def test_a_refusal_is_3_and_a_fault_of_the_daemon_4(status: int, code: int) -> None:
    assert code_of(Refused(status, "error", "why")) == code


FAILURES: list[tuple[list[str], int]] = [
    (["tail"], 2),
    (["tail", "s", "--after", "x"], 2),
    (["chats"], 2),
    (["tail", "none"], 3),
    (["timeline", "none"], 3),
    (["cancel", "none"], 3),
    (["steer", "none", "faster"], 3),
    (["approve", "none", "call"], 3),
    (["deny", "none", "call"], 3),
    (["stop", "none"], 3),
    (["reset", "none"], 3),
    (["chat", "x", "--agent", "none"], 3),
    (["chat", "x", "--agent", "a", "--url", NOWHERE], 4),
    (["where", "none", "--url", NOWHERE], 4),
    (["sessions", "show", "none"], 3),
    (["sessions", "rename", "none", "x"], 3),
    (["sessions", "delete", "none", "--yes"], 3),
    (["sessions", "export", "none"], 3),
    (["sessions", "fork", "none"], 3),
    (["sessions", "list", "--after", "none"], 3),
    (["sessions", "list", "--store", "sqlite:////none/s.db"], 4),
    (["ps", "--url", NOWHERE], 4),
    (["ps", "--state-dir", "/none"], 4),
    (["ps", "--token-file", "/none"], 2),
    (["top", "--url", NOWHERE], 4),
    (["tree", "--url", NOWHERE], 4),
    (["approvals", "--url", NOWHERE], 4),
    (["reload", "--url", NOWHERE], 4),
    (["stop-daemon", "--url", NOWHERE], 4),
    (["open", "--print", "--url", NOWHERE], 4),
    (["cluster", "status", "--url", NOWHERE], 4),
    (["drain", "--url", NOWHERE], 4),
]


async def test_a_failure_is_one_line_with_its_code(commands: Forks, here: Site) -> None:
    await here.agent("echo")
    for arguments, code in FAILURES:
        ended = await commands.understudy(*arguments)
        assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1), (arguments, ended.err)


async def test_a_wrong_token_is_refused(commands: Forks, here: Site, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("w" * 43)
    ended = await commands.understudy("ps", "--token-file", str(tmp_path / "wrong"))
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(
    ("model", "code"),
    [("echo", 0), ("nobody", 5), ("fault-server_error", 4), ("fault-truncate", 4), ("fault-html", 5)],
)
async def test_a_turn_that_fails_is_5_unless_its_provider_is_down(commands: Forks, model: str, code: int) -> None:
    async with RehearsalServer(builtin()) as server:
        ended = await commands.understudy("chat", "hi", "--model", model, env=pointing_at(server))
    assert ended.code == code, ended.err


async def test_a_stream_that_another_client_cancelled_has_failed(commands: Forks, here: Site) -> None:
    await here.agent("slow")
    async with here.http.post(f"{here.url}/agents/a/stream", json={"message": "go", "stream_id": "s"}) as answer:
        await answer.content.readuntil(b"token")
        assert (await here.json("POST", "/streams/s/cancel"))[0] == 200
    ended = await commands.understudy("tail", "s")
    assert (ended.code, ended.err.splitlines()[-1]) == (5, "understudy: cancelled")
