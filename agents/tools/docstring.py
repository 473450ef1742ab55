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
FIELD = re.compile(r":param\s+(?:[^:]*\s)?(\w+):(?:\s+(\S.*))?")


def description(docstring: str) -> str:
    """Return the first paragraph on one line. A section or a field ends it."""
    lines: list[str] = []
    for line in docstring.strip().splitlines():
        if not line.strip() or SECTION.fullmatch(line.strip()) or FIELD.fullmatch(line.strip()):
            break
        lines.append(line.strip())
    return " ".join(lines)


def parameter_texts(docstring: str, names: Collection[str]) -> dict[str, str]:
    """Return the text of each named parameter that has one. docstring: with its common indentation removed.

    A section `Args:` is read instead of plain lines outside of it. A parameter's first text counts.
    """
    sections = list(_sections(docstring))
    listed = [lines for title, lines in sections if title == PARAMETERS]
    found: dict[str, str] = {}
    for lines in listed or [lines for title, lines in sections if not title]:
        for name, text in _entries(lines, names, paragraphs=bool(listed)):
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


def _entries(lines: list[str], names: Collection[str], *, paragraphs: bool) -> Iterator[tuple[str, str]]:
    """Yield (name, text). An entry ends at the next one, and at a blank line unless it may have paragraphs."""
    name, texts = "", list[str]()
    for line in [*map(str.strip, lines), ""]:
        found = FIELD.fullmatch(line) or ENTRY.fullmatch(line)
        begins = found is not None and found[1] in names
        if name and (begins or not (line or paragraphs)):
            yield name, " ".join(texts)
            name = ""
        if found is not None and begins:
            name, texts = found[1], [found[2] or ""]
        elif line:
            texts.append(line)
    if name:
        yield name, " ".join(filter(None, texts))
