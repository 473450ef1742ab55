"""Any file gives settings or the lines of its faults, and never a traceback or a secret."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.configuration import InvalidConfiguration, load
from agents.configuration.erlang import Term, to_text
from agents.configuration.shipped import text
from agents.configuration.sources.files import APPLICATIONS
from agents.configuration.walking import keys
from agents.settings import Settings
from tests.agents.configuration.terms import TERMS

SHIPPED = text()
KEYS = [leaf.path for leaf in keys(Settings())]
SECRET = "never-to-be-seen"


def said(content: str) -> list[str]:
    """Return the lines of the faults; none for a valid file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sys.config"
        path.write_text(content, encoding="utf-8")
        lines = _lines(path)
    assert all(line.startswith(str(path)) for line in lines)  # no fault has two lines
    return lines


def _lines(path: Path) -> list[str]:
    try:
        load(path, {})
    except InvalidConfiguration as invalid:
        return str(invalid).splitlines()
    return []


def set_to(path: tuple[str | int, ...], value: str) -> str:
    """Return a file that gives the key this value."""
    application = next(name for name, parameters in APPLICATIONS.items() if path[0] in parameters)
    for part in reversed(path):
        value = f"[{{{part}, {value}}}]"
    return f"[{{{application}, {value}}}]."


@given(st.data())
def test_a_damaged_file_is_settings_or_lines(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SHIPPED)))
    end = data.draw(st.integers(start, min(start + 40, len(SHIPPED))))
    patch = data.draw(st.text("[]{}()<>#=|,.\"'$\\%/ \n-+0aA_", max_size=5))
    said(SHIPPED[:start] + patch + SHIPPED[end:])


@given(st.sampled_from(KEYS), TERMS)
def test_any_term_is_a_value_of_a_key_or_refused_at_that_key(path: tuple[str | int, ...], term: Term) -> None:
    for line in said(set_to(path, to_text(term))):
        assert f": {path[0]}" in line


@given(TERMS)
def test_any_agent_is_started_or_refused(term: Term) -> None:
    said(set_to(("agents",), f"[#{{name => a, model => b, model_options => {to_text(term)}}}]"))
    said(set_to(("agents",), f"[#{{name => a, model => b, answer_type => {to_text(term)}}}]"))
    said(set_to(("agents",), f"[{to_text(term)}, {to_text(term)}]"))


@pytest.mark.parametrize("value", ['"{}"', "'{}'", '<<"{}">>', "[{{'{}', 1}}]", '{{env, "{}"}}', '#{{a => "{}"}}'])
@pytest.mark.parametrize("path", [path for path in KEYS if path[-1] in {"api_key", "url", "base_url", "named"}])
def test_a_literal_in_the_place_of_a_secret_is_never_shown(path: tuple[str | int, ...], value: str) -> None:
    address = f"http://me:{SECRET}@host/"
    if path[-1] == "api_key" and "env" not in value:
        lines = said(set_to(path, value.format(SECRET)))
        assert lines
        assert SECRET not in "".join(lines)
    if path[-1] != "named" and "env" not in value:  # there it would be a name
        assert SECRET not in "".join(said(set_to(path, value.format(address))))
