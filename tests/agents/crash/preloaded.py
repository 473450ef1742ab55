"""C code that is preloaded into an OS process, so that a test controls the results of its system calls."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def built(source: Path, folder: Path) -> Path:
    """Compile the C source into the folder, and return the library.

    Without a compiler the test is skipped, but in CI it fails.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        assert "CI" not in os.environ, "expected a C compiler, cc: CI must not skip this test"
        pytest.skip("no C compiler: cc is absent")
    library = folder / f"{source.stem}.so"
    options = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    command: list[str | Path] = [compiler, *options, "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return library
