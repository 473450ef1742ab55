"""The line on stderr for an error."""

from agents.cli.exit_codes import ExitCode, code_of
from agents.cli.printing import complain
from agents.cli.view.printable import one_line


def refuse(*lines: str, code: ExitCode = ExitCode.USAGE) -> ExitCode:
    """Print each line on stderr; return the exit code."""
    for line in lines:
        complain(f"understudy: {one_line(line)}")
    return code


def fail(error: Exception) -> ExitCode:
    """Print the error on stderr, in one line; return its exit code."""
    return refuse(str(error), code=code_of(error))
