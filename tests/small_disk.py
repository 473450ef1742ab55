"""A small disk of its own, for tests of what happens when it is full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE_BYTES = 4096


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of 1 MiB at the folder within the block. Skip the test where that is impossible, except in CI."""
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).returncode:
        assert "CI" not in os.environ, "expected to mount a small disk: CI must not skip this test"
        pytest.skip("no small disk can be mounted here: that takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def enlarge(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)


def fill(folder: Path, *, free_pages: int) -> None:
    """Write a file until the disk has only this many free pages."""
    facts = os.statvfs(folder)
    (folder / "filler").write_bytes(bytes((facts.f_bavail - free_pages) * PAGE_BYTES))
