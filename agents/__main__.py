"""The console script `understudy`, also `python -m agents`."""

import sys

from agents.extras import MissingExtra

WRONG_USE = 2


def main() -> None:
    """Run the command line. Without its libraries, print one line on stderr and end with exit code 2."""
    try:
        from agents.cli import main as command_line
    except MissingExtra as missing:
        print(f"understudy: {missing}", file=sys.stderr)  # noqa: T201 - click is what is missing
        sys.exit(WRONG_USE)
    command_line()


if __name__ == "__main__":
    main()
