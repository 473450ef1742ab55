"""How the project speaks: the rules of the glossary that a test can hold.

Docstrings, the lines of docs/, README and CHANGELOG, and the texts of errors are read. Each place that breaks a rule is
listed with the rule, so that a failure says what to rewrite.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("actors", "supervisors", "agents", "tests", "benchmarks", "docs", "examples")
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
WIDTH = 120

OPENERS = re.compile(r"(?:Who|What|Whose|Whom|Which|Of|By)\b(?! default\b)")
"""No sentence begins with one of these: its subject would have no name. Questions and headings may."""

WORDS = {
    r"\b(?:that|who|which|what) (?:is|are) none\b|\bis no [a-z]+\b(?! longer)": "invalid, not an X",
    r"\banew\b|\bonce more\b": "again",
    r"\bbut for\b|\bbut its\b": "except",
    r"\b(?:alone|by itself)(?=[.;)]|$)": "only",
    r"\bso (?:many|much)\b": "up to N, N",
    r"\b(?:must|can)(?: not|n't|'t) be had\b": "unavailable",
    r"\b(?:nobody's|somebody else's|everybody's)\b": "without an owner, another user's",
    r"\bwhose it is\b": "its owner",
    r"\bwho (?:asks|comes back)\b": "the caller, a client that reconnects",
    r"\bgiven up\b": "stopped retrying, crashes",
    r"\ba line a fault\b": "one line per fault",
    r"\bis told\b|\bare told\b": "reported, set, given, has",
    r"\bstands in\b": "is in",
}
"""Words that the glossary replaces, each with its replacement."""

ALLOWED: frozenset[str] = frozenset()
"""Places that may break a rule, as `path: sentence`. There may be at most ten."""


class Place(NamedTuple):
    path: Path
    line: int
    text: str


def docstrings(path: Path) -> Iterator[Place]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield Place(path, node.body[0].lineno, text)
        for before, after in pairwise(getattr(node, "body", []) if isinstance(getattr(node, "body", []), list) else []):
            if isinstance(before, ast.Assign | ast.AnnAssign) and _text(after) is not None:
                yield Place(path, after.lineno, _text(after) or "")


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return None


def errors(path: Path) -> Iterator[Place]:
    """The texts of what a module raises or refuses."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for given in node.exc.args:
                for part in ast.walk(given):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield Place(path, part.lineno, part.value)


def prose(path: Path) -> Iterator[Place]:
    """The paragraphs of a page, without code, headings and the cells of tables that are names."""
    fenced, start, paragraph = False, 0, list[str]()
    for number, line in enumerate([*path.read_text().splitlines(), ""], 1):
        if line.startswith("```"):
            fenced = not fenced
        item = re.match(r"\s*(?:[-*]|\d+\.) ", line)
        if paragraph and (fenced or not line.strip() or line.startswith(("#", "|", "```")) or item):
            yield Place(path, start, " ".join(paragraph))
            paragraph = []
        if fenced or not line.strip() or line.startswith(("#", "```", "    ")):
            continue
        if line.startswith("|"):
            for cell in line.strip("| ").split(" | "):
                yield Place(path, number, cell.strip())
            continue
        start = start if paragraph else number
        paragraph.append(line[item.end() :] if item else line.strip())


def sentences(text: str) -> Iterator[str]:
    """Sentences of prose: code in backticks is one word, examples that are indented are left out."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    kept = re.sub(r"`[^`]*`", "CODE", kept)
    for paragraph in re.split(r"\n\s*\n", kept):
        flat = " ".join(paragraph.split())
        yield from (each for each in re.split(r"(?<=[.!?:;])\s+(?=[A-Z`\"'(])", flat) if each)


def said() -> Iterator[Place]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield from docstrings(path)
            yield from errors(path)
    for page in PAGES:
        yield from prose(page)


def broken(place: Place) -> Iterator[str]:
    for sentence in sentences(place.text):
        where = f"{place.path.relative_to(ROOT)}:{place.line}"
        if OPENERS.match(sentence) and not sentence.rstrip().endswith("?"):
            yield f"{where}: a sentence begins with {sentence.split()[0]!r}: {sentence[:90]}"
        for pattern, better in WORDS.items():
            if found := re.search(pattern, sentence):
                yield f"{where}: {found[0]!r}, better {better!r}: {sentence[:90]}"


def test_no_sentence_breaks_a_rule() -> None:
    found = [line for place in said() for line in broken(place)]
    assert [line for line in found if line not in ALLOWED] == []


def test_the_exemptions_are_few() -> None:
    assert len(ALLOWED) <= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_line_of_prose_is_not_wider_than_a_line_of_code(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    wide = [line for line in text.splitlines() if len(line) > WIDTH and not line.startswith(("|", "    "))]
    assert wide == []
