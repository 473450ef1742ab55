"""A model that calls the client's tool `forecast`, and a model whose answer stalls."""


def script(*turns: str) -> str:
    """Return the script of the two models. turns: of the first one, tried after those that call both kinds of tools."""
    return "".join([BOTH, *turns, FORECAST, SLOW])


BOTH = """
[models.weather]
[[models.weather.turns]]
match = "both"
steps = [
    { text = "I look.", tool_calls = [
        { name = "forecast", arguments = { city = "Oslo" } },
        { name = "calculator", arguments = { expression = "6 * 7" } },
    ] },
    { text = "{result:0}, {result:1}" },
]
"""
FORECAST = """
[[models.weather.turns]]
steps = [{ tool_calls = [{ name = "forecast", arguments = { city = "Oslo" } }] }, { text = "{result:0}" }]
"""
SLOW = """
[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]
"""
