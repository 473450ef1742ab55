"""The line that says what was wrong."""

from agents.cli import WRONG_USE
from agents.cli.printing import complain
from agents.cli.view.printable import one_line


def refuse(*lines: str) -> int:
    """Say on stderr what was wrong, a line each; the exit code for it."""
    for line in lines:
        complain(f"understudy: {one_line(line)}")
    return WRONG_USE
