"""Names of agents that the configuration has no agent for: each is a warning, and no fault."""

from pathlib import Path

import pytest

from agents.configuration import load, unknown_agents

AGENTS = """{agents, [
    [{id, "writer"}, {name, "Writer"}, {handoffs, [#{name => "editor"}]}],
    [{id, "guard"}], [{id, "clerk"}, {account, "office"}]]}"""
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


def warned(folder: Path, *sections: str, budget: str = "*") -> list[str]:
    """Return the warnings about a file with these sections, without the file's name. budget: the agent of a budget."""
    file = folder / "sys.config"
    budgets = f'{{agents, [{{budgets, [#{{agent => "{budget}", tokens => 9}}]}}]}}'
    file.write_text(f"[{{understudy, [\n{', '.join(sections)}]}},\n{budgets}].")
    loaded = load(file, {"HOOK": SECRET})
    return [str(each).removeprefix(f"{file}:") for each in unknown_agents(loaded)]


def schedule(agent: str) -> str:
    return f'{{schedules, [[{{name, "s"}}, {{agent, "{agent}"}}, {{every, 60}}, {{message, "m"}}]]}}'


def webhook(*agents: str) -> str:
    names = ", ".join(f'"{each}"' for each in agents)
    return f'{{webhooks, [[{{url, "http://127.0.0.1:1"}}, {{secret, {{env, "HOOK"}}}}, {{agents, [{names}]}}]]}}'


DEFAULT = '{gateway, [{default_agent, "%s"}]}'
EXPECTED = "expected an agent of the configuration, or one that starts later, got"


@pytest.mark.parametrize(
    ("section", "warning"),
    [
        (schedule("writr"), f"2:36: schedules[0].agent: {EXPECTED} 'writr'; did you mean 'writer'?"),
        (schedule("Writer"), f"2:36: schedules[0].agent: {EXPECTED} 'Writer'; did you mean 'writer'?"),
        (schedule("zzz"), f"2:36: schedules[0].agent: {EXPECTED} 'zzz'"),
        (webhook("guard", "gard"), f"2:87: webhooks[0].agents[1]: {EXPECTED} 'gard'; did you mean 'guard'?"),
        (DEFAULT % "gard", f"2:28: gateway.default_agent: {EXPECTED} 'gard'; did you mean 'guard'?"),
    ],
)
def test_a_name_that_no_agent_has_is_a_warning_with_the_most_similar_name(
    tmp_path: Path, section: str, warning: str
) -> None:
    assert warned(tmp_path, section, AGENTS) == [warning]


def test_a_budget_of_an_agent_names_its_account(tmp_path: Path) -> None:
    (warning,) = warned(tmp_path, AGENTS, budget="writer")
    assert warning.endswith(f"budgets[0].agent: {EXPECTED} 'writer'; did you mean 'Writer'?")
    for account in ("Writer", "editor", "guard", "office", "*"):
        assert warned(tmp_path, AGENTS, budget=account) == []


def test_ids_and_names_that_the_agents_have_are_no_warning(tmp_path: Path) -> None:
    named = webhook("writer", "Writer", "editor", "guard")
    assert warned(tmp_path, AGENTS, schedule("guard"), named, DEFAULT % "clerk") == []
