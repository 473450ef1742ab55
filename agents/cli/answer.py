"""A question as a person at a terminal reads it, and the text that the person types as its answer."""

from typing import Final

from rich.text import Text

from agents.cli.view.printable import one_line, printable
from agents.core.question import AnswerValue, Question
from agents.core.waiting import WaitKind

INPUT: Final = "answer: "
SEVERAL: Final = "several may be chosen, separated by commas"
DOUBT: Final = "it may have taken effect: if you approve it, it runs again (understudy effects settle sets its outcome)"


def note_of(kind: WaitKind, why: str = "") -> str:
    """Return what a person must know before deciding on a call, or an empty text. why: the question of a hook."""
    return ". ".join(filter(None, (why, DOUBT if kind == "effect" else "")))


def question_text(question: Question) -> Text:
    """Return the question in full, with a number for each choice."""
    shown = Text.assemble("\n", (printable(question.text), "bold"))
    for number, choice in enumerate(question.choices, 1):
        shown.append(f"\n  {number}. {one_line(choice)}")
    if question.several:
        shown.append(f"\n{SEVERAL}", "dim")
    return shown


def answer_in(typed: str, question: Question) -> AnswerValue:
    """Return the answer that the typed text means. A choice may be given by its number."""
    if not question.choices:
        return typed.strip()
    if typed.strip() in question.choices or not question.several:
        return _choice(typed.strip(), question)
    return tuple(_choice(each.strip(), question) for each in typed.split(",") if each.strip())


def _choice(typed: str, question: Question) -> str:
    """Return the choice. A text that is a choice has precedence over a number."""
    by_number = {str(number): choice for number, choice in enumerate(question.choices, 1)}
    return typed if typed in question.choices else by_number.get(typed, typed)
