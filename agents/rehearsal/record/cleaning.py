"""Cleaning: placeholders for secrets and personal data. The same value gets the same placeholder each time."""

import re
from collections.abc import Iterator, Sequence

LIKE_A_KEY = (
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|ghs|ghu|glpat|xox[abprs]|github_pat|AIza|ya29)[-_.]?[A-Za-z0-9_-]{16,}"
    r"|\bsk-[A-Za-z0-9_-]{8,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"
)
AFTER_ITS_NAME = (
    r"(?i:\b(?:bearer|basic)\s+)(?P<credential>[A-Za-z0-9._~+/=-]{7,}[A-Za-z0-9_~+/=-])"
    r"|(?i:\b[\w-]{0,40}(?:api[_-]?key|password|passwd|secret|access[_-]?token|authorization)[\"']?\s*[:=]\s*[\"']?)"
    r"(?P<value>[^\s,;&\"'{}<>]{4,})"
)
EMAIL = r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
PHONE = (
    r"(?<![\w.+-])(?:\+\d{1,3}[ ./-]?(?:\(\d{1,5}\)[ ./-]?)?\d(?:[ ./-]?\d){5,13}"
    r"|\(?0\d{2,4}\)?[ /-]\d(?:[ -]?\d){4,9}|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w-]|\.\d)"
)
KINDS = {"secret": LIKE_A_KEY, "named": AFTER_ITS_NAME, "email": EMAIL, "phone": PHONE}


class Cleaner:
    """Replaces secrets, e-mail addresses and phone numbers: `<email-1>` is the first address that was seen."""

    def __init__(self) -> None:
        self._pattern = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in KINDS.items()))
        self._known: dict[tuple[str, str], str] = {}
        self._keys: set[str] = set()

    def learn(self, key: str) -> None:
        """Treat this text as a secret wherever it occurs."""
        if len(key) >= 6:
            self._keys.add(key)

    def clean(self, text: str) -> str:
        return "".join(self.tokens([text]))

    def tokens(self, tokens: Sequence[str]) -> list[str]:
        """Return the tokens with placeholders. A placeholder is spread over the tokens of the value that it replaces.

        So the cleaned answer has its tokens in the same number, and at the same pace.
        """
        text, cleaned = "".join(tokens), list(tokens)
        places = list(self._found(text))
        for begin, end, placeholder in reversed(places):
            _replace(cleaned, tokens, begin, end, placeholder)
        return cleaned

    def fragment(self, text: str) -> str:
        """Return the longest part of the text without a value that is replaced; the cleaned text if there is none."""
        parts, begin = [], 0
        for start, end, _ in self._found(text):
            parts.append(text[begin:start])
            begin = end
        longest = max((part.strip() for part in (*parts, text[begin:])), key=len)
        return longest or self.clean(text)

    def _found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield the places to replace, in order, each with its placeholder."""
        place = 0
        while place < len(text) and (found := self._next(text, place)) is not None:
            (begin, end), kind = found
            yield begin, end, self._placeholder(kind, text[begin:end])
            place = max(end, begin + 1)

    def _next(self, text: str, place: int) -> tuple[tuple[int, int], str] | None:
        known = [(at, at + len(key)) for key in self._keys if (at := text.find(key, place)) >= 0]
        found = self._pattern.search(text, place)
        if found is not None and (not known or found.start() < min(known)[0]):
            kind = str(found.lastgroup) if found.lastgroup in ("email", "phone") else "secret"
            group = next((name for name in ("credential", "value") if found[name] is not None), 0)
            return found.span(group), kind
        return (max(known, key=lambda span: (-span[0], span[1])), "secret") if known else None

    def _placeholder(self, kind: str, value: str) -> str:
        known = (kind, value.casefold() if kind == "email" else re.sub(r"\D", "", value) if kind == "phone" else value)
        if known not in self._known:
            number = 1 + sum(each == kind for each, _ in self._known)
            self._known[known] = f"<{kind}-{number}>"
        return self._known[known]


def _replace(cleaned: list[str], tokens: Sequence[str], begin: int, end: int, placeholder: str) -> None:
    """Replace the text from begin to end. Tokens before `begin` are still as they came."""
    spans: list[tuple[int, int, int]] = []
    offset = 0
    for number, token in enumerate(tokens):
        first, last = max(begin, offset), min(end, offset + len(token))
        if first < last:
            spans.append((number, first - offset, last - offset))
        offset += len(token)
    for position, (number, first, last) in enumerate(spans):
        share = placeholder[position * len(placeholder) // len(spans) : (position + 1) * len(placeholder) // len(spans)]
        cleaned[number] = tokens[number][:first] + share + cleaned[number][last:]
