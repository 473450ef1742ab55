"""Programs of users under mypy and pyright: right ones pass, and each wrong line is reported.

A wrong line has a comment `# wrong: ...`. Each checker runs once over all programs. pyright also reads the examples and
the programs of the docs, where callbacks have names of their own.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)  # the first run of mypy reads every library

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RIGHT = sorted(HERE.glob("right/*.py"))
WRONG = sorted(HERE.glob("wrong/*.py"))


THESPIAN = 'Method "receiveMessage" overrides class "Actor"'
"""Thespian has no types. Its own receiveMessage always raises, so pyright refuses any override that returns."""

UNTYPED = "django_host.py"
"""Django has no types. mypy checks this example against stubs of the project; a user's pyright has none."""

Line = tuple[str, int]


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def marked() -> set[Line]:
    """Return the lines that are wrong."""
    return {
        (name_of(path), number)
        for path in WRONG
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "# wrong: " in line
    }


def in_the_docs(folder: Path) -> None:
    """Write the programs of the docs into a folder."""
    folder.mkdir()
    for page in sorted((ROOT / "docs").rglob("*.md")):
        programs = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
        for number, program in enumerate(programs, 1):
            (folder / f"{page.stem}_{number}.py").write_text(program)


def with_the_packages(environment: Path) -> Path:
    """Make an environment in which the packages are installed, as a user has them. Return its interpreter."""
    venv.create(environment, symlinks=True)
    (site,) = environment.glob("lib/*/site-packages")
    (site / "packages.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    return environment / "bin" / "python"


def run(*command: object) -> str:
    done = subprocess.run([sys.executable, "-m", *map(str, command)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def by_mypy() -> dict[Line, str]:
    """Return mypy's errors by their lines. mypy runs as for the whole project, with the same cache."""
    out = run("mypy", "--config-file", "setup.cfg", "--no-error-summary", "--no-pretty", *RIGHT, *WRONG)
    return dict(_mypy_errors(out))


def _mypy_errors(out: str) -> Iterator[tuple[Line, str]]:
    for line in out.splitlines():
        path, number, kind, text = line.split(":", 3)
        if kind.strip() == "error":
            yield (name_of(Path(path)), int(number)), text


@pytest.fixture(scope="module")
def by_pyright(tmp_path_factory: pytest.TempPathFactory) -> dict[Line, str]:
    """Return pyright's errors by their lines, with the settings of a user who has none."""
    folder = tmp_path_factory.mktemp("pyright")
    in_the_docs(folder / "docs")
    for programs in (HERE / "right", HERE / "wrong", ROOT / "examples"):
        shutil.copytree(programs, folder / programs.name, ignore=shutil.ignore_patterns("__pycache__", UNTYPED))
    (folder / "pyrightconfig.json").write_text('{"include": ["."]}')
    out = run("pyright", "--project", folder, "--pythonpath", with_the_packages(folder / ".venv"), "--outputjson")
    return {
        (name_of(Path(each["file"])), each["range"]["start"]["line"] + 1): each["message"]
        for each in json.loads(out)["generalDiagnostics"]
        if each["severity"] == "error" and THESPIAN not in each["message"]
    }


@pytest.mark.parametrize("checker", ["by_mypy", "by_pyright"])
def test_a_checker_reports_each_wrong_line_and_no_other(checker: str, request: pytest.FixtureRequest) -> None:
    reported: dict[Line, str] = request.getfixturevalue(checker)
    assert {line: text for line, text in reported.items() if line not in marked()} == {}
    assert marked() - reported.keys() == set()
