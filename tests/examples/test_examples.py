"""Each example runs as a new user runs it: one file, no key, no network beyond loopback."""

from pathlib import Path

import pytest

from tests.programs import output

FOLDER = Path(__file__).parents[2] / "examples"
HOSTS = {"fastapi_host.py", "django_host.py"}
"""Web programs, which run until they are ended: test_hosts.py."""
EXAMPLES = sorted(path for path in FOLDER.glob("*.py") if path.name not in HOSTS)

EXPECTED = {
    "hello_agent.py": ["Hello, understudy.", "(18 characters)", "And once more."],
    "subscriber_actor.py": [
        "[Where][ do][ I][ find][ the][ ice?]",
        "The desk: Where do I find the ice?",
    ],
    "tool_agent.py": [
        'distance_km({"origin":"Oslo","destination":"Bergen"}) -> 463',
        'forecast({"city":"Bergen","days":"two"}) -> error: days: input should be a valid integer, got "two"',
        'forecast({"city":"Bergen","days":2}) -> 2 days of rain in Bergen',
        "It is 463 km, and the forecast says: 2 days of rain in Bergen.",
    ],
    "redaction_hooks.py": ['I read: My key is [key]. {"mail":"[mail]","card":"[card]"}'],
    "crash_and_recover.py": [
        "Hamlet stands on shelf 4, says attempt 2",
        "The agent is found again: True",
        "The archive says: Hamlet stands on shelf 4.",
    ],
    "thespian_blocking.py": ["No await was used in the making of this answer."],
}

UNORDERED = {"tool_agent.py"}
"""Parallel calls end in any order."""


def test_every_example_has_an_expectation() -> None:
    assert {example.name for example in EXAMPLES} == set(EXPECTED)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
async def test_an_example_prints_what_it_promises(example: Path) -> None:
    lines, expected = (await output(example)).splitlines(), EXPECTED[example.name]
    if example.name in UNORDERED:
        lines, expected = sorted(lines), sorted(expected)
    assert lines == expected


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_fits_on_a_page(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) < 50
