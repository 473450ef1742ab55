"""The documentation site: its navigation has every page, and its made pages have every name of the code.

`make docs` builds the site, and checks the links of all pages.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import click
import msgspec
import pytest

from agents import application
from agents.cli import COMMANDS, understudy
from agents.cli.exit_codes import ExitCode
from agents.core.errors import Fault
from agents.core.events import Event
from agents.settings import Settings
from docs.pictures.turn import pictures
from docs.site import man
from docs.site.assemble import assemble
from docs.site.checked import loaded, missing
from docs.site.generated import GENERATED
from docs.site.metrics import metrics
from docs.site.python_api import MODULES
from docs.site.rest import document
from tests.agents.test_interface import PUBLIC

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DECISIONS = "adr/"
"""The folder whose pages the page of decisions lists, instead of the navigation."""


def paths(navigation: object) -> Iterator[str]:
    """Yield the paths in a navigation."""
    if isinstance(navigation, str):
        yield navigation
    elif isinstance(navigation, Mapping):
        yield from paths(list(navigation.values()))
    elif isinstance(navigation, list):
        for each in navigation:
            yield from paths(each)


NAVIGATION = list(paths(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sources of the site."""
    folder = tmp_path_factory.mktemp("site")
    assemble(folder)
    return folder


def test_each_page_is_once_in_the_navigation() -> None:
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} | GENERATED.keys()
    assert sorted(NAVIGATION) == sorted(page for page in pages if not page.startswith(DECISIONS))


def test_each_decision_is_in_the_list_of_decisions(site: Path) -> None:
    listed = (site / "decisions.md").read_text()
    assert [page.name for page in (DOCS / DECISIONS).glob("*.md") if f"]({DECISIONS}{page.name})" not in listed] == []


def test_each_public_module_has_a_page_with_its_names(site: Path) -> None:
    assert sorted(MODULES) == sorted(PUBLIC)
    page = (site / "reference" / "python" / "agents.md").read_text()
    assert "\n::: agents.starting.start_agent\n" in page


def test_the_pages_of_events_and_errors_have_each_class_with_each_field(site: Path) -> None:
    for page, kinds in (("events.md", get_args(Event)), ("errors.md", get_args(Fault))):
        text = (site / "reference" / page).read_text()
        for kind in kinds:
            section = text.partition(f"# {kind.__name__}\n")[2].partition("\n## ")[0]
            own = {field.name for field in msgspec.structs.fields(kind)} - {"stream_id", "seq", "attempt", "at"}
            assert [name for name in own if f"| `{name}` |" not in section] == [], kind


def test_the_page_of_commands_has_each_command_with_each_option(site: Path) -> None:
    text = (site / "reference" / "commands.md").read_text()

    def check(group: click.Group, context: click.Context) -> None:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            inner = click.Context(command, info_name=name, parent=context)
            shown = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
            options = {option for each in shown for option in each.opts}
            assert f"# {inner.command_path.removeprefix('understudy ')}\n" in text
            assert [option for option in options if option not in text] == []
            if isinstance(command, click.Group):
                check(command, inner)

    check(understudy, click.Context(understudy, info_name="understudy"))


def test_the_pages_of_rest_have_each_route_and_each_shape(site: Path) -> None:
    routes, shapes = ((site / "reference" / page).read_text() for page in ("rest.md", "rest-shapes.md"))
    wanted = [f"### `{method.upper()} {path}`" for path, methods in document()["paths"].items() for method in methods]
    assert [heading for heading in wanted if heading not in routes] == []
    assert [name for name in document()["components"]["schemas"] if f"## {name}\n" not in shapes] == []


def test_the_page_of_metrics_has_labels() -> None:
    labels = {metric.name: found for metric, found in metrics()}
    assert labels["understudy_tool_calls"] == ["tool", "outcome"]
    assert labels["understudy_restarts"] == ["supervisor", "child"]
    assert labels["understudy_agents"] == []
    assert labels["process_resident_memory_bytes"] == []


def test_a_file_outside_the_pages_becomes_a_page(site: Path) -> None:
    assert "(sources/examples/fastapi_host.py.md)" in (site / "hosts.md").read_text()
    assert "FastAPI(lifespan=lifespan)" in (site / "sources" / "examples" / "fastapi_host.py.md").read_text()


def test_the_pictures_of_a_turn_are_those_of_its_events() -> None:
    made = pictures()
    kept = {name: (DOCS / "pictures" / name).read_text(encoding="utf-8") for name in made}
    assert made == kept, "run: python -m docs.pictures.turn"


def test_the_manual_page_is_that_of_the_commands() -> None:
    assert man.FILE.read_text(encoding="utf-8") == man.page(), "run: python -m docs.site.man"
    shared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert shared["shared-data"] == {"config/understudy.1": "share/man/man1/understudy.1"}


def test_the_manual_page_has_every_command_and_exit_code() -> None:
    page = man.page().replace("\\-", "-")
    assert [name for name in COMMANDS if f"\n.B {name}\n" not in page] == []
    assert {int(code) for code, _ in man.exit_codes()} == set(ExitCode)


def test_the_page_of_supervision_has_the_tree_that_an_application_starts() -> None:
    shown = re.findall(r"^    [├└]── (\w+)", (DOCS / "explanation" / "supervision.md").read_text(), re.MULTILINE)
    _flags, children = application.tree(Settings())
    assert shown == [child.id for child in children]


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<script src="https://cdn.example/a.js">', 1),
        ("<link rel=stylesheet href=//fonts.example/a.css>", 1),
        ('<img src="http://cdn.example/a.png">', 1),
        ('<script src="assets/a.js"></script><a href="https://example.com/">a link</a>', 0),
    ],
)
def test_what_a_page_loads_from_another_site_is_found(html: str, found: int, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(html)
    assert len(loaded(page)) == found


def test_an_address_without_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("folder/index.html", "a b.html"):
        (tmp_path / name).touch()
    page = tmp_path / "page.html"
    page.write_text(
        "<a href='a%20b.html#place'></a><a href='/folder/'></a><a href='folder'></a><a href='#place'></a>"
        "<a href='https://example.com/x'></a><img src='none.png'><a href='/none.html?query=1'></a>"
    )
    assert missing(page, tmp_path) == ["/none.html?query=1", "none.png"]


def test_a_folder_outside_the_pages_becomes_a_list_of_its_files(site: Path) -> None:
    assert "(sources/deploy/prometheus/index.md)" in (site / "monitoring.md").read_text()
    assert "(alerts.yml.md)" in (site / "sources" / "deploy" / "prometheus" / "index.md").read_text()
