"""Fresh environments: made by uv, with packages from the index that pip uses."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Final, Self

from tests.packaging.declared import ROOT

MINORS: Final = range(11, 15)


def uv(*arguments: str) -> str:
    """Run uv; return its output. Raises AssertionError with its error output."""
    return _output([sys.executable, "-m", "uv", *arguments])


def lowest(*extras: str) -> str:
    """Return pins of the lowest versions that pyproject.toml allows to the direct dependencies."""
    chosen = [word for extra in extras for word in ("--extra", extra)]
    return uv("pip", "compile", "--quiet", "--resolution", "lowest-direct", *chosen, "pyproject.toml")


def resolves(*requirements: str) -> str:
    """Return the pins of this project together with a host's requirements. Raises AssertionError if there are none."""
    text = "\n".join((f"understudy[daemon] @ {ROOT.as_uri()}", *requirements))
    return _output([sys.executable, "-m", "uv", "pip", "compile", "--quiet", "-"], text)


def interpreters() -> Iterator[tuple[str, str]]:
    """Yield (version, path) for each Python from 3.11 on that is installed here and runs."""
    for minor in MINORS:
        here = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        for path in filter(None, (which(f"python3.{minor}"), *map(str, reversed(here)))):
            if subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0:
                yield f"3.{minor}", path
                break


class Environment:
    """A virtual environment in its own folder."""

    def __init__(self, folder: Path, interpreter: str = sys.executable) -> None:
        uv("venv", "--quiet", "--python", interpreter, str(folder))
        self.folder, self.python = folder, str(folder / "bin" / "python")

    def install(self, *arguments: str) -> Self:
        uv("pip", "install", "--quiet", "--python", self.python, *arguments)
        return self

    def distributions(self) -> list[str]:
        return [line.partition("==")[0] for line in uv("pip", "freeze", "--python", self.python).splitlines()]

    def size_mb(self) -> float:
        return sum(path.lstat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6

    def run(self, *arguments: str, folder: Path = ROOT) -> "subprocess.CompletedProcess[str]":
        """Run this environment's Python, with no path to other packages."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PYTHON"))}
        return subprocess.run(
            [self.python, *arguments], check=False, capture_output=True, text=True, cwd=folder, env=environment
        )


def _output(command: list[str], given: str = "") -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, input=given, cwd=ROOT)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return done.stdout
