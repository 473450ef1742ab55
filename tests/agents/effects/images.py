"""Images of a store, taken while its program runs: what kill -9 would leave on the disk."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

FILE = "sessions.db"


def copy_store(folder: Path, to: Path) -> None:
    """Copy the store of a program that runs into a new folder."""
    to.mkdir()
    for file in folder.glob(f"{FILE}*"):
        shutil.copy(file, to)


def free_store(folder: Path) -> None:
    """Remove the owner from a copy of a store, as if the program that has the store were dead."""
    with closing(sqlite3.connect(folder / FILE)) as image, image:
        image.execute("UPDATE writer SET owner = NULL")
