"""Notes of tools: lines of a file that a test reads."""


def note(path: str, line: str) -> None:
    with open(path, "a") as file:
        file.write(f"{line}\n")
