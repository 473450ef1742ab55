"""kill -9 at random moments: each model call that the provider got has one charge in the store, and no charge twice."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer, parse
from tests.agents.budgets.lives import TURNS

SCRIPT = """
[models.clerk]
token_delay_s = 0.002
turns = [{ steps = [{ text = "It is written down in the book, as you said.", usage = { USAGE } }] }]

[models.boss]
token_delay_s = 0.002
[[models.boss.turns]]
[[models.boss.turns.steps]]
usage = { USAGE }
text = "I shall ask the clerk."
tool_calls = [{ name = "clerk", arguments = { message = "Write it down." } }]
[[models.boss.turns.steps]]
usage = { USAGE }
text = "The clerk has written it down, and all is well."
"""
INPUT, OUTPUT = 1000, 500
SCRIPT = SCRIPT.replace("USAGE", f"input_tokens = {INPUT}, output_tokens = {OUTPUT}")
LIVES = 8
SEED = "1"


@pytest.mark.timeout(120)
def test_each_model_call_of_killed_programs_is_charged_once(tmp_path: Path) -> None:
    with RehearsalServer(parse(SCRIPT)) as server:
        command = [sys.executable, "-m", "tests.agents.budgets.lives", server.base_url, str(tmp_path), SEED, str(LIVES)]
        done = subprocess.run(command, timeout=100, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        asked = len(server.requests)
    with sqlite3.connect(tmp_path / "store.db") as store:
        reported = store.execute("SELECT * FROM charges WHERE estimated = 0").fetchall()
        totals = "SELECT count(*), sum(input_tokens), sum(output_tokens) FROM charges WHERE estimated = "
        exact, sent, answered = store.execute(totals + "0").fetchone()
        ((cut,),) = store.execute("SELECT count(*) FROM charges WHERE estimated = 1").fetchall()
        ((parties,),) = store.execute("SELECT count(DISTINCT owner || root_session) FROM charges").fetchall()
        ((roots,),) = store.execute("SELECT count(DISTINCT root_stream) FROM charges").fetchall()
    store.close()
    assert len(reported) == exact >= 3 * TURNS
    assert (sent, answered) == (exact * INPUT, exact * OUTPUT)
    assert exact <= asked <= exact + cut  # a cut call is charged with its estimate, also if it was about to be sent
    assert (parties, roots) == (1, TURNS)
