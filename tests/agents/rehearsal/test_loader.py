"""Scripts: valid ones are read, and others are refused with one line per fault."""

import re
from pathlib import Path

import pytest

from agents.rehearsal import ScriptError, builtin, load, parse
from agents.rehearsal.script import FAULT_NAMES

ROOT = Path(__file__).parents[3]

STEP = "[models.demo]\nturns = [{{ steps = [{{ {} }}] }}]"

WRONG_STEPS = {
    'text = "x", colour = 1': "steps[0].colour: unknown key",
    "text = 5": "steps[0].text: expected a string or a list of strings, got 5",
    'text = "x", token_delay_s = -1': "steps[0].token_delay_s: expected greater than or equal to 0, got -1",
    'text = "x", token_delay_s = "1"': "steps[0].token_delay_s: expected a valid number, got '1'",
    'tool_calls = [{ name = "t", arguments = 5 }]': "arguments: expected a table, a string or a list of strings, got 5",
    "tool_calls = [{ arguments = {} }]": "tool_calls[0].name: missing",
    'fault = { name = "drop", retry_after_s = 1 }': "steps[0].fault: expected no retry_after_s with drop",
    'fault = { name = "html", after_tokens = 1 }': "steps[0].fault: expected no after_tokens with html",
    "": "steps[0]: expected at least one of text, reasoning, tool_calls, fault",
}


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ScriptError) as refused:
        parse(text, "demo.toml")
    return refused.value.lines


@pytest.mark.parametrize(("step", "what"), WRONG_STEPS.items())
def test_a_wrong_step_is_one_line_with_file_and_key_path(step: str, what: str) -> None:
    (line,) = faults(STEP.format(step))
    assert line.startswith("demo.toml: models.demo.turns[0].")
    assert what in line
    assert "\n" not in line


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    (line,) = faults(STEP.format('fault = "explode"'))
    assert line.endswith("got 'explode'")
    assert all(name in line for name in FAULT_NAMES)


def test_each_fault_of_a_file_has_its_own_line() -> None:
    lines = faults('colour = 1\n[models.a]\nturns = []\n[models.b]\nturns = [{ steps = [{ text = "x" }], colour = 1 }]')
    assert len(lines) == 3


def test_a_script_without_models_is_refused() -> None:
    assert faults("") == ("demo.toml: models: missing",)


def test_invalid_toml_is_refused_with_its_place() -> None:
    (line,) = faults("[models\n")
    assert line.startswith("demo.toml: not TOML: ")
    assert "line 1" in line


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    for name, what in (("none.toml", "No such file"), ("latin.toml", "not UTF-8 at byte 2"), (".", "Is a directory")):
        with pytest.raises(ScriptError, match=what):
            load(tmp_path / name)


def test_the_built_in_script_has_a_model_for_every_fault() -> None:
    assert {"rehearsal", "echo", "recovers", *(f"fault-{name}" for name in FAULT_NAMES)} == set(builtin().models)


def test_the_right_script_of_two_wins() -> None:
    mine = parse(STEP.format('text = "x"').replace("demo", "echo"), "mine.toml")
    assert (builtin() | mine).models["echo"] == mine.models["echo"]
    assert "rehearsal" in (builtin() | mine).models


def test_the_example_in_the_documentation_is_a_script() -> None:
    page = (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(parse(example, "rehearsal.md").models["weather"].turns) == 3
