"""Tools whose results have images, sounds and files."""

import os
import struct
import sys
from pathlib import Path
from typing import Any

from agents import Audio, File, Image, tool
from tests.agents.parts.samples import PDF, PNG, WAV

SCREEN = PNG + b"\0" * 300_000


@tool
def screenshot() -> Image:
    """Take a picture in a worker process."""
    return Image(SCREEN, "screen.png")


@tool
async def picture() -> Image:
    """Take a picture on the loop."""
    return Image(PNG)


@tool(isolation="thread")
def recorded() -> list[Any]:
    """Return a sound and a document within data."""
    sound = Audio(WAV, "hello.wav")
    return ["heard", {"sound": sound, "again": sound}, File(PDF, "paper.pdf")]


@tool
def from_path(folder: str) -> File:
    """Read a file."""
    return File.from_file(Path(folder) / "notes.txt")


@tool
def too_large() -> Image:
    """Return an image beyond the settings' limit."""
    return Image(PNG + b"\0" * 6 * 2**20)


@tool
def far_too_large() -> list[Image]:
    """Return images beyond every limit."""
    return [Image(PNG + b"\0" * 9 * 2**20), Image(PNG + b"\1" * 9 * 2**20)]


@tool
def forged() -> str:
    """Write an answer with HTML as an image to the pool's socket."""
    frame = b'{"type":"returned","number":1,"value":"x","media":[{"kind":"image","data":"PGI+","name":"a.png"}]}'
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if os.path.exists(f"/proc/self/fd/{descriptor}") and "socket" in os.readlink(f"/proc/self/fd/{descriptor}"):
            os.write(descriptor, struct.pack("!I", len(frame)) + frame)
    return "written"


@tool
def without_process_system() -> list[str]:
    """Return the modules of the process system that this worker has."""
    Image(PNG)
    return [name for name in sys.modules if name.split(".")[0] in ("actors", "supervisors")]
