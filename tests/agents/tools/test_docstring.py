"""The model reads a tool's docstring: its first paragraph, and a text for each parameter."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tools.errors import InvalidTool
from agents.tools.tool import Tool, tool


def documented(docstring: str) -> Tool:
    async def order(title: str, copies: int = 1) -> None: ...

    order.__doc__ = docstring
    return tool(order)


def texts(made: Tool) -> dict[str, str]:
    found: dict[str, dict[str, Any]] = made.parameters["properties"]
    return {name: each["description"] for name, each in found.items() if "description" in each}


BOTH = {"title": "The book's title.", "copies": "How many copies: one or more."}


@pytest.mark.parametrize(
    "docstring",
    [
        """Order a book.

        Args:
            title: The book's title.
            copies: How many copies:
                one or more.
        """,
        """Order a book.

        More about it.

        Args:
            title (str): The book's title.
            copies (dict[str, int] | Literal["a(b)"], optional):
                How many copies: one or more.

        Returns:
            title: Another text.
        """,
        """Order a book.
        Arguments:
            title (str): The book's
              title.

            copies (int, optional): How many copies: one or more.
            since: a parameter that the function does not have.
        Raises:
            copies: Another text.
        """,
        """Order a book.

        :param title: The book's title.
        :param int copies: How many copies: one or more.
        :returns: nothing
        """,
        """Order a book.

        title: The book's title.
        copies: How many copies: one
        or more.
        """,
        """Order a book.

        - title: The book's title.
        - copies (int): How many copies: one or more.

        Example:
            title: Another text.
        """,
    ],
)
def test_parameters_get_their_texts_from_each_form_of_docstring(docstring: str) -> None:
    made = documented(docstring)
    assert made.description == "Order a book."
    assert texts(made) == BOTH


def test_lines_outside_of_args_are_not_texts_of_parameters() -> None:
    made = documented(
        "Order a book.\n\ntitle: not this.\n\nArgs:\n    copies: How many.\n\nReturns:\n    title: nor this."
    )
    assert texts(made) == {"copies": "How many."}


def test_a_text_in_a_section_may_have_paragraphs_and_ends_at_the_next_entry() -> None:
    made = documented(
        "Order.\n\nArgs:\n    title: One.\n\n        Two: three.\n    other: four.\n    copies:\n        Five."
    )
    assert texts(made) == {"title": "One. Two: three.", "copies": "Five."}


@pytest.mark.parametrize("docstring", ["", "  \n ", "\n\nArgs:\n    title: x", ":param title: x"])
def test_a_tool_without_a_description_is_refused_with_what_to_write(docstring: str) -> None:
    with pytest.raises(
        InvalidTool, match="expected a docstring that tells the model what the tool does, got none; write"
    ):
        documented(docstring)


def test_a_description_may_be_given_in_place_of_a_docstring() -> None:
    async def order(title: str) -> None: ...

    assert tool(description="Order a book.")(order).description == "Order a book."
    for empty in ("", " ", None):
        with pytest.raises(InvalidTool, match="expected a docstring"):
            tool(description=empty)(order)


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["Args:", "  title: a", "    copies (int): b", "Returns:", "", "title:", ":param copies: c", "  - x"]
        ),
        st.text(max_size=20),
    ),
    max_size=12,
)


@given(LINES)
def test_any_docstring_gives_texts_of_known_parameters_only(lines: list[str]) -> None:
    made = documented("\n".join(["Order a book.", "", *lines]))
    assert made.description == "Order a book."
    assert texts(made).keys() <= {"title", "copies"}
    assert all(text.strip() for text in texts(made).values())
