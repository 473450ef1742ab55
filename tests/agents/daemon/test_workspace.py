"""file_ops in a daemon: it works as the docs start it, and can't reach the daemon's own files."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.core.events import StreamToolResult
from agents.rehearsal import RehearsalServer, parse
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import daemon, refused

pytestmark = pytest.mark.timeout(180)

SCRIPT = """
[models.files]
[[models.files.turns]]
steps = [{ tool_calls = [{ name = "file_ops", arguments = "{user}" }] }, { text = "{result:0}" }]

[models.asks]
[[models.asks.turns]]
steps = [{ tool_calls = [{ name = "web_search", arguments = { query = "x" } }] }, { text = "{result:0}" }]
"""


async def test_the_documented_tools_work_in_a_daemon_with_default_settings(folder: Path) -> None:
    async with RehearsalServer(parse(SCRIPT, "workspace")) as server, daemon(server, folder) as running:
        async with running.client() as client:
            for model in ("files", "asks"):
                body = {"id": model, "name": "Researcher", "model": model, "tools": ["web_search", "file_ops"]}
                await client.post("/agents", body)

            async def answer(model: str, message: str) -> Any:
                results = [e.result async for e in client.ask(model, message) if isinstance(e, StreamToolResult)]
                return results[0].value if results[0].error is None else results[0].content

            note = {"operation": "write", "path": "notes/a.md", "content": "kept"}
            assert await answer("files", json.dumps(note)) == {"path": "notes/a.md", "size_bytes": 4}
            assert (folder / "files" / "notes" / "a.md").read_text() == "kept"
            assert (folder / "files").stat().st_mode & 0o777 == 0o700
            assert await answer("files", '{"operation": "read", "path": "notes/a.md"}') == "kept"
            assert "relative to the workspace" not in await answer("files", '{"operation": "list", "path": "."}')
            assert "expected one without .." in await answer("files", '{"operation": "read", "path": "../token"}')
            assert "tools.web_search_endpoint is not set" in await answer("asks", "x")
        assert await running.stopped() == 0
        assert "tool_not_configured" in await running.log_output()


async def test_a_workspace_over_the_daemons_own_files_is_refused_in_one_line_everywhere(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    own = f'{{understudy, [{{daemon, [{{state_dir, "{folder}"}}]}}]}}'
    file.write_text(f'[{{agents, [{{tools, [{{file_ops_root, "{folder}/notes"}}]}}]}},\n {own}].')
    line = (
        f"{file}:1:37: tools.file_ops_root: expected a folder apart from the daemon's own files,"
        f" got {folder}/notes, which lies in the state directory {folder}"
    )
    code, out, err = await understudy("config", "check", str(file))
    assert (code, out, err) == (2, "", f"{line}\n")
    code, err = await refused(server, folder, "--config", str(file))
    assert (code, err.splitlines()) == (2, [f"understudy: {line}"])
    assert not folder.exists()
    code, out, _ = await understudy("doctor", "--config", str(file))
    assert (code, [each for each in out.splitlines() if each.startswith("fail")]) == (1, [f"fail  config: {line}"])


async def test_the_doctor_reports_the_folder_of_file_ops_and_a_missing_search_endpoint(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    agent = '#{name => "Ada", model => "m", api_key => {env, "HOME"}, tools => [file_ops, web_search]}'
    file.write_text(f'[{{understudy, [{{daemon, [{{state_dir, "{folder}"}}]}}, {{agents, [{agent}]}}]}}].')
    _, out, _ = await understudy("doctor", "--config", str(file), "--set", "gateway.port=0")
    assert f"ok    file_ops: works in {folder}/files" in out.splitlines()
    text = "tools.web_search_endpoint is not set: the tool answers that it searched nothing"
    assert f"warn  web_search: {text}" in out.splitlines()
