"""Laws of the registry: names become tools, and all faults of a list are reported at once."""

import pytest

from agents.tools import registry
from agents.tools.errors import InvalidTool
from tests.agents.tools.sample_tools import add, typed

HERE = "tests.agents.tools.test_registry"
SAMPLES = "tests.agents.tools.sample_tools"


def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def test_names_tools_and_functions_become_tools_in_their_order() -> None:
    tools = registry.resolve(["calculator", f"{SAMPLES}:typed", add, double, "web_search"])
    assert list(tools) == ["calculator", "typed", "add", "double", "web_search"]
    assert (tools["typed"], tools["add"]) == (typed, add)
    assert tools["double"].description == "Double a number."


def test_every_built_in_resolves_once_it_is_bound() -> None:
    tools = registry.resolve(registry.BUILTIN, lambda name: {"root": "/srv", "x": 1} if name == "file_ops" else {})
    assert tools.keys() == registry.BUILTIN.keys()
    assert tools["file_ops"].bound == {"root": "/srv"}


def test_an_empty_list_resolves_to_an_empty_mapping() -> None:
    assert registry.resolve([]) == {}


def test_every_fault_has_its_own_line() -> None:
    with pytest.raises(InvalidTool) as caught:
        registry.resolve(
            ["calculater", "file_ops", f"{SAMPLES}:ad", "nowhere:x", f"{HERE}:HERE", add, add, lambda x: x, 3]  # type: ignore[list-item]
        )
    lines = str(caught.value).split("\n")
    assert [line.partition(": ")[0] for line in lines] == [f"tools[{n}]" for n in (0, 1, 2, 3, 4, 6, 7, 8)]
    for line, end in zip(
        lines,
        (
            "web_search or module:function, got 'calculater'; did you mean 'calculator'?",
            "got nothing; file_ops.bind(root=...) makes the tool to give",
            f"{SAMPLES}:ad: expected a name in {SAMPLES}, got 'ad'; did you mean 'add'?",
            "expected a module that can be imported, got ModuleNotFoundError: No module named 'nowhere'",
            f"{HERE}:HERE: expected a tool or a function, got str",
            "expected every name once, got add again",
            "expected an annotation on every parameter, got x without one",
            "expected a name, a Tool or a function, got 3",
        ),
        strict=True,
    ):
        assert line.endswith(end)
