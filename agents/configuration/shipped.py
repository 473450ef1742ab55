"""The file with every key, its default, its unit and its reason: config/sys.config."""

import os
from importlib.resources import files
from pathlib import Path

from agents.configuration.loading import FILE


def text() -> str:
    """Return the text, from the installed package or from the folder `config` beside the sources."""
    installed = files("agents.configuration").joinpath(FILE)
    if installed.is_file():
        return installed.read_text(encoding="utf-8")
    return Path(__file__).parents[2].joinpath("config", FILE).read_text(encoding="utf-8")


def write(folder: Path) -> Path:
    """Write the file into a folder, which is created if necessary.

    Raises FileExistsError, OSError; overwrites nothing.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text())
    return path
