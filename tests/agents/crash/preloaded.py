"""C that is preloaded into an OS process, so that what the system answers it is a test's to say."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def built(source: Path, folder: Path) -> Path:
    """The library of this C, in the folder; skips the test where no C can be compiled, but not in CI."""
    compiler = shutil.which("cc")
    if compiler is None:
        assert "CI" not in os.environ, "expected a C compiler, cc: CI skips no fault"
        pytest.skip("no C compiler: cc is absent")
    library = folder / f"{source.stem}.so"
    options = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    command: list[str | Path] = [compiler, *options, "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return library
