"""C that is preloaded into an OS process, so that what the system answers it is a test's to say."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def built(name: str, folder: Path) -> Path:
    """The library of NAME.c, in the folder; skips the test where no C can be compiled, but not in CI."""
    compiler = shutil.which("cc")
    if compiler is None:
        assert "CI" not in os.environ, "expected a C compiler, cc: CI skips no fault"
        pytest.skip("no C compiler: cc is absent")
    library = folder / f"{name}.so"
    command: list[str | Path] = [
        compiler,
        "-shared",
        "-fPIC",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-o",
        library,
        HERE / f"{name}.c",
        "-ldl",
    ]
    subprocess.run(command, check=True)
    return library
