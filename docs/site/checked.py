"""The build: Zensical in strict mode, and no message of it is ignored."""

import re
import subprocess
import sys
from pathlib import Path

from docs.site.assemble import ROOT

SITE = ROOT / "build" / "site"
EXPECTED = re.compile(r"Build (started|finished in .*)|No issues found")
"""The lines of a build without a fault. Griffe's warnings about docstrings fail no strict build by themselves."""
STYLE = re.compile(r"\x1b\[[0-9;]*m")
LOADED = re.compile(rb"""(?:<(?:script|img|iframe|source)\b[^>]*\bsrc|<link\b[^>]*\bhref)=["']?(https?:)?//[^\s"'>]*""")
"""An address of another site from which a browser loads something."""


def build() -> int:
    """Build the site, and return the exit code: 1 after any warning."""
    command = (sys.executable, "-m", "zensical", "build", "--clean", "--strict")
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    sys.stdout.write(done.stdout)
    lines = (STYLE.sub("", line).strip() for line in done.stdout.splitlines())
    faults = [line for line in lines if line and not EXPECTED.fullmatch(line)]
    elsewhere = [f"{path}: loads {found}" for path in sorted(SITE.rglob("*.html")) for found in loaded(path)]
    sys.stderr.writelines(f"{fault}\n" for fault in elsewhere)
    return 1 if done.returncode or faults or elsewhere else 0


def loaded(page: Path) -> list[str]:
    """Return what a page loads from other sites. A page of this site loads nothing: it is read without a network."""
    return [found[0].decode() for found in LOADED.finditer(page.read_bytes())]
