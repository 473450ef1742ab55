"""The build: Zensical in strict mode, and no message of it is ignored."""

import html
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from docs.site.assemble import ROOT

SITE = ROOT / "build" / "site"
EXPECTED = re.compile(r"Build (started|finished in .*)|No issues found")
"""The lines of a build without a fault. Griffe's warnings about docstrings fail no strict build by themselves."""
STYLE = re.compile(r"\x1b\[[0-9;]*m")
LOADED = re.compile(rb"""(?:<(?:script|img|iframe|source)\b[^>]*\bsrc|<link\b[^>]*\bhref)=["']?(https?:)?//[^\s"'>]*""")
"""An address of another site from which a browser loads something."""

LINKED = re.compile(r"""<(?:a|img|link|script)\b[^>]*?\b(?:href|src)=["']?([^\s"'>]+)""")
"""An address in a page."""


def build() -> int:
    """Build the site, and return the exit code: 1 after any warning.

    Zensical's cache is not used: it would keep a page of the API whose module has changed.
    """
    command = (sys.executable, "-m", "zensical", "build", "--clean", "--strict")
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    sys.stdout.write(done.stdout)
    lines = (STYLE.sub("", line).strip() for line in done.stdout.splitlines())
    faults = [line for line in lines if line and not EXPECTED.fullmatch(line)]
    pages = sorted(SITE.rglob("*.html"))
    wrong = [f"{page}: loads {found}" for page in pages for found in loaded(page)]
    wrong += [f"{page}: links {found}, which the site does not have" for page in pages for found in missing(page)]
    sys.stderr.writelines(f"{fault}\n" for fault in wrong)
    return 1 if done.returncode or faults or wrong else 0


def loaded(page: Path) -> list[str]:
    """Return what a page loads from other sites. A page of this site loads nothing: it is read without a network."""
    return [found[0].decode() for found in LOADED.finditer(page.read_bytes())]


def missing(page: Path, site: Path = SITE) -> list[str]:
    """Return the addresses within the site that lead to no file. Zensical checks those of pages, and no other."""
    addresses = {html.unescape(found) for found in LINKED.findall(page.read_text(encoding="utf-8"))}
    parts = {address: urlsplit(address) for address in addresses}
    paths = {address: unquote(part.path) for address, part in parts.items() if not part.scheme and not part.netloc}
    return sorted(address for address, path in paths.items() if path and not _target(page, path, site).is_file())


def _target(page: Path, path: str, site: Path) -> Path:
    target = site / path.lstrip("/") if path.startswith("/") else page.parent / path
    return target / "index.html" if target.is_dir() else target
