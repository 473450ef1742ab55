"""The line on stderr for an error."""

from typing import Final

from agents.cli.exit_codes import ExitCode, code_of
from agents.cli.printing import complain
from agents.cli.view.printable import one_line

BODY: Final = "body."
"""The begin of the path of a key in a request, in the gateway's faults."""


def refuse(*lines: str, code: ExitCode = ExitCode.USAGE) -> ExitCode:
    """Print each line on stderr; return the exit code."""
    for line in lines:
        complain(f"understudy: {one_line(line)}")
    return code


def fail(error: Exception) -> ExitCode:
    """Print the error on stderr, in one line; return its exit code. Its command, not a request, has the faulty key."""
    return refuse(str(error).removeprefix(BODY), code=code_of(error))
