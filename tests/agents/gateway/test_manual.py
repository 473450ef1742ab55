"""The commands in docs/gateway.md give the output that is printed below them."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.agents.gateway.site import TOKEN, Site

MANUAL = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text()
COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)


def commands() -> list[tuple[str, str]]:
    blocks = re.findall(r"^```console\n(.*?)^```$", MANUAL, re.DOTALL | re.MULTILINE)
    return [(found["command"], found["output"]) for block in blocks for found in COMMAND.finditer(block)]


@pytest.mark.skipif(shutil.which("curl") is None and "CI" not in os.environ, reason="needs curl: apt-get install curl")
async def test_every_command_of_the_manual_gives_the_printed_output(site: Site) -> None:
    names = {"URL": site.url, "AUTH": f"Authorization: Bearer {TOKEN}", "JSON": "Content-Type: application/json"}
    assert len(commands()) > 10
    for command, expected in commands():
        process = await asyncio.create_subprocess_shell(
            command, stdout=asyncio.subprocess.PIPE, env={**os.environ, **names}
        )
        output, _ = await process.communicate()
        pattern = ".*".join(re.escape(part) for part in expected.rstrip().split("..."))
        assert re.fullmatch(pattern, output.decode().rstrip()), f"{command}\n{output.decode()}"
