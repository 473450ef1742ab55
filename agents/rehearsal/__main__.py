"""`python -m agents.rehearsal`: the rehearsal server in its own OS process."""

import sys

WRONG_USE = 2


def main() -> None:
    """Run the command. Without click, print one line on stderr and end with exit code 2."""
    try:
        from agents.rehearsal.command import rehearse
    except ModuleNotFoundError as error:
        line = f"this command needs {error.name}, which is not installed: pip install 'understudy[daemon]'"
        print(f"python -m agents.rehearsal: {line}", file=sys.stderr)  # noqa: T201 - click is what is missing
        sys.exit(WRONG_USE)
    rehearse(prog_name="python -m agents.rehearsal")


if __name__ == "__main__":
    main()
