"""The files for Prometheus and Grafana, checked by promtool and against the metrics of a running daemon."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import aiohttp
import pytest

from agents.rehearsal import RehearsalServer, builtin
from tests.agents.daemon.daemons import daemon

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "understudy.json"
NAME = re.compile(r"\b(?:understudy|gen_ai_client|process)_\w+")
ALERT = re.compile(r"- alert: (\w+)")
OF_A_CLUSTER = {"understudy_cluster_deaths_declared_total"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and "CI" not in os.environ, reason="needs promtool: apt-get install prometheus"
)


def promtool(*arguments: str, stdin: str = "") -> None:
    done = subprocess.run(["promtool", *arguments], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lint" not in done.stderr, done.stderr


@needs_promtool
def test_promtool_accepts_the_rules_and_the_example() -> None:
    promtool("check", "rules", "--lint-fatal", str(ALERTS))
    promtool("check", "config", "--syntax-only", str(ALERTS.with_name("prometheus.yml")))


@needs_promtool
def test_the_alerts_fire_when_they_should_and_stay_silent_otherwise() -> None:
    promtool("test", "rules", str(Path(__file__).with_name("alerts_test.yml")))


async def test_each_metric_of_the_alerts_and_the_dashboard_exists_and_promtool_accepts_them(tmp_path: Path) -> None:
    async with RehearsalServer(builtin()) as server, daemon(server, tmp_path / "state") as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "echo"})
            await client.post("/agents/a/chat", {"message": "Hello."})
        bearer = {"authorization": f"Bearer {running.token}"}
        async with aiohttp.ClientSession(headers=bearer) as http, http.get(f"{running.url}/metrics") as response:
            shown = await response.text()
        await running.stopped()
    if shutil.which("promtool") is not None:
        promtool("check", "metrics", stdin=shown)
    exposed = {line.partition("{")[0].partition(" ")[0] for line in shown.splitlines() if not line.startswith("#")}
    declared = {line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")}
    used = set(NAME.findall(ALERTS.read_text() + DASHBOARD.read_text()))
    assert len(used) > 15
    assert used - exposed - declared - OF_A_CLUSTER == set()


def test_each_alert_has_its_line_in_the_manual() -> None:
    manual = (ROOT / "docs" / "monitoring.md").read_text()
    assert re.findall(r"^\| `(Understudy\w+)` \|", manual, re.MULTILINE) == ALERT.findall(ALERTS.read_text())


def test_each_panel_has_its_own_place() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len({panel["id"] for panel in panels}) == len(panels)
