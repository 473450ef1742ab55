"""The line on stderr for an error."""

from agents.cli import WRONG_USE
from agents.cli.printing import complain
from agents.cli.view.printable import one_line


def refuse(*lines: str) -> int:
    """Print each line on stderr; return the exit code for wrong use."""
    for line in lines:
        complain(f"understudy: {one_line(line)}")
    return WRONG_USE
