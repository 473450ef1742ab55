"""A group of commands that suggests the command that a misspelled name most likely means."""

import click

from agents.core.nearest import suggestion


class Group(click.Group):
    """A group whose refusal of an unknown command names the most similar one. `help` shows its help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `help COMMAND` as `COMMAND --help`."""
        if args[:1] == ["help"] and "help" not in self.list_commands(ctx):
            args = [*args[1:], "--help"]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            ctx.fail(f"No such command {name!r}{suggestion(name, self.list_commands(ctx)) or '.'}")
        return super().resolve_command(ctx, args)
