"""The rehearsal's script of the cluster's tests: a turn of a few seconds, with text, two calls and text again."""

from typing import Final

TOKEN_S: Final = 0.08
FIRST_WORDS: Final = " ".join(f"a{number}" for number in range(25))
LONG_WORDS: Final = " ".join(f"c{number}" for number in range(250))
LAST_WORDS: Final = " ".join(f"b{number}" for number in range(25))
TURN_S: Final = 50 * TOKEN_S + 0.3
"""The least time of a turn: of its tokens, and of its calls."""

FLOOD_WORDS: Final = " ".join(f"{number:0700}" for number in range(1500))
"""More than all buffers between an agent and a client of another node hold."""

FLOOD: Final = f"""
[[models.worker.turns]]
match = "flood"
steps = [{{ text = "{{user}} {FLOOD_WORDS}", token_delay_s = 0.001 }}]
"""


def script(token_s: float, first: str = "") -> str:
    """Return the script. token_s: the pause before a token. first: turns that have precedence."""
    return f"[models.worker]\ntoken_delay_s = {token_s}\n{first}{TURNS}"


TURNS: Final = f"""
[[models.worker.turns]]
match = "kill"
[[models.worker.turns.steps]]
tool_calls = [{{ name = "kills_its_node", arguments = {{ name = "{{user}}" }} }}]
[[models.worker.turns.steps]]
text = "survived"

[[models.worker.turns]]
match = "long"
steps = [{{ text = "{{user}} {LONG_WORDS}" }}]

[[models.worker.turns]]
[[models.worker.turns.steps]]
text = "{{user}} {FIRST_WORDS}"
tool_calls = [
    {{ name = "pays", arguments = {{ name = "{{user}}" }} }},
    {{ name = "looks", arguments = {{ name = "{{user}}" }} }},
]
[[models.worker.turns.steps]]
text = " {LAST_WORDS}"
"""

SCRIPT: Final = script(TOKEN_S)


def answer_to(message: str) -> str:
    """Return the text that stands at the end of a turn of the model `worker`."""
    if message.startswith("flood"):
        return f"{message} {FLOOD_WORDS}"
    if message.startswith("long"):
        return f"{message} {LONG_WORDS}"
    return f"{message} {FIRST_WORDS} {LAST_WORDS}"
