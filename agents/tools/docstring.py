"""A docstring as the model gets it: a description, and a text for each parameter.

Three forms are read: a section `Args:` in Google's style, fields `:param name: text`, and plain lines `name: text`.
"""

import re
from collections.abc import Collection, Iterator

PARAMETERS = "Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments"
OTHERS = "Returns?|Yields?|Raises?|Examples?|Notes?|Attributes|Warnings?|References|See Also|Todo"
SECTION = re.compile(rf"(?:(?P<parameters>{PARAMETERS})|{OTHERS}):")

TYPE = r"\((?:[^()]|\([^()]*\))*\)"
ENTRY = re.compile(rf"(?:[-*]\s+)?(\w+)\s*(?:{TYPE})?:(?:\s+(\S.*))?")
ANY_FIELD = re.compile(r":\w+[^:]*:")
FIELD = re.compile(r":param\s+(?:[^:]*\s)?(\w+):(?:\s+(\S.*))?")


def description(docstring: str) -> str:
    """Return the first paragraph on one line. A section or a field ends it."""
    lines: list[str] = []
    for line in docstring.strip().splitlines():
        if not line.strip() or SECTION.fullmatch(line.strip()) or ANY_FIELD.match(line.strip()):
            break
        lines.append(line.strip())
    return " ".join(lines)


def parameter_texts(docstring: str, names: Collection[str]) -> dict[str, str]:
    """Return the text of each named parameter that has one. docstring: with its common indentation removed.

    If there is a section `Args:`, plain lines outside of it are not read. A parameter's first text counts.
    """
    sections = list(_sections(docstring))
    listed = [lines for title, lines in sections if title == PARAMETERS]
    found: dict[str, str] = {}
    for lines in listed or [lines for title, lines in sections if not title]:
        for name, text in _entries(lines, in_section=bool(listed)):
            if name in names and text:
                found.setdefault(name, text)
    return found


def _sections(docstring: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (title, lines): PARAMETERS for their section, "" for text outside of sections, else another title."""
    title, lines = "", list[str]()
    for line in docstring.splitlines():
        header = SECTION.fullmatch(line.rstrip())
        ends = bool(title) and bool(line.strip()) and not line[0].isspace()
        if header or ends:
            yield title, lines
            title, lines = "", []
        if header:
            title = PARAMETERS if header["parameters"] else OTHERS
        else:
            lines.append(line)
    yield title, lines


def _entries(lines: list[str], *, in_section: bool) -> Iterator[tuple[str, str]]:
    """Yield (name, text). An entry ends at the next one. Outside of a section it also ends at a blank line.

    In a section the entries have the indentation of the first one, and their further lines have more.
    """
    name, texts = "", list[str]()
    indentation = next((_indentation(line) for line in lines if line.strip()), 0)
    for line in lines:
        text = line.strip()
        deeper = in_section and _indentation(line) > indentation
        entry = None if deeper else FIELD.fullmatch(text) or ENTRY.fullmatch(text)
        if entry is not None or ANY_FIELD.match(text) or not (text or in_section):
            yield name, " ".join(texts)
            name, texts = "", []
        if entry is not None:
            name, text = entry[1], entry[2] or ""
        if text:
            texts.append(text)
    yield name, " ".join(texts)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())
