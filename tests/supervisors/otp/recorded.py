"""Scripts with OTP's transcripts: those that have shown a difference, and a few that cover many steps."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tests.supervisors.otp.script import Script, Transcript

RECORDED: Final = Path(__file__).with_name("recorded.jsonl")


class Recorded(Struct, frozen=True):
    """A script and its transcript by OTP, in comparable form."""

    law: str
    script: Script
    transcript: Transcript


def recorded() -> list[Recorded]:
    return [msgspec.json.decode(line, type=Recorded) for line in RECORDED.read_bytes().splitlines()]
