"""The sources of the site: copies of the pages, and made pages, in build/docs.

A page may link a file or a folder outside docs/, such as an example. The site then has it as a page, under sources/.
"""

import re
import shutil
from os.path import relpath
from pathlib import Path

from docs.site.generated import GENERATED

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = ROOT / "build" / "docs"
NOT_PAGES = shutil.ignore_patterns("site", "*.py", "__pycache__")
LINK = re.compile(r"(?<=\]\()(?P<path>[^)#:\s]+)(?=[)#])")
FENCE = re.compile(r"^```(?P<language>\w+)[^\n`]*$", re.MULTILINE)
"""The start of a block of code. The site's Markdown reads one word there, GitHub's more."""
LANGUAGES = {".py": "python", ".html": "html", ".service": "ini", ".yml": "yaml", ".yaml": "yaml", ".json": "json"}


def assemble(target: Path = SOURCES) -> None:
    """Write the sources of the site to a folder, in place of what it has."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(DOCS, target, ignore=NOT_PAGES)
    outside: set[Path] = set()
    for page in sorted(target.rglob("*.md")):
        write(page, copied(DOCS / page.relative_to(target), outside))
    for name, make in GENERATED.items():
        write(target / name, make())
    while outside:
        file = outside.pop()
        write(target / site_path(file), copied(file, outside))


def copied(file: Path, outside: set[Path]) -> str:
    """Return a file or a folder as a page of the site. Add what it links outside docs/ to `outside`."""
    if file.is_dir():
        return listing(file, outside)
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".md":
        return f"# {file.relative_to(ROOT)}\n\n``````{LANGUAGES.get(file.suffix, 'text')}\n{text}``````\n"

    def linked(match: re.Match[str]) -> str:
        other = (file.parent / match["path"]).resolve()
        if not other.exists():
            return match["path"]
        if not other.is_relative_to(DOCS):
            outside.add(other)
        return relpath(site_path(other), site_path(file).parent)

    return LINK.sub(linked, FENCE.sub(r"```\g<language>", text))


def listing(folder: Path, outside: set[Path]) -> str:
    """Return the list of a folder's files as a page. Add them to `outside`."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    outside.update(files)
    links = [f"- [{file.relative_to(folder)}]({relpath(site_path(file), site_path(folder).parent)})" for file in files]
    return "\n".join((f"# {folder.relative_to(ROOT)}", "", *links, ""))


def site_path(file: Path) -> Path:
    """Return the path of the page of a file or a folder in the site."""
    if file.is_relative_to(DOCS):
        return file.relative_to(DOCS)
    path = "sources" / file.relative_to(ROOT)
    if file.is_dir():
        return path / "index.md"
    return path if path.suffix == ".md" else path.with_name(f"{path.name}.md")


def write(file: Path, text: str) -> None:
    """Write a page, and make its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
