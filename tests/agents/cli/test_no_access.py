"""Commands with files in a folder that this user may not see: one line, no traceback."""

import asyncio
import os
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.agents.cli.terminal import UNDERSTUDY, environment

pytestmark = pytest.mark.timeout(120)

STORE = "sqlite:///{there}/sessions.db"
COMMANDS = [
    ["backup", "{here}/new.tar", "--store", STORE],
    ["backup", "{there}/new.tar", "--store", "sqlite:///{here}/old.tar"],
    ["restore", "{here}/old.tar", "--store", STORE, "--state-dir", "{here}/state"],
    ["sessions", "list", "--store", STORE],
    ["sessions", "list", "--state-dir", "{there}/state"],
    ["ps"],
    ["ps", "--state-dir", "{there}/state"],
    ["config", "check"],
    ["config", "check", "{there}/sys.config"],
    ["serve", "--config", "{there}/sys.config"],
    ["serve", "--state-dir", "{there}/state"],
    ["serve", "--state-dir", "{here}/state", "--port", "0", "--set", "gateway.token_file={there}/token"],
    ["serve", "--state-dir", "{here}/state", "--port", "0", "--set", f"sessions.url={STORE}"],
]


PLAIN_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Takes from root the right to see all files."""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_a_file_that_may_not_be_seen_is_one_line(tmp_path: Path, command: list[str]) -> None:
    there = tmp_path / "there"
    there.mkdir(mode=0)
    (tmp_path / "old.tar").touch()
    arguments = [each.format(there=there, here=tmp_path) for each in command]
    own = {"HOME": str(there), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}
    under = PLAIN_USER if os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(
        *under, UNDERSTUDY, *arguments, stdout=PIPE, stderr=PIPE, env=environment(**own)
    )
    out, err = await process.communicate()
    assert process.returncode in (2, 3, 4)
    assert out == b""
    assert b"Traceback" not in err
    assert str(there) in err.decode() or command == ["config", "check"]
