"""The group of all commands: loads a command once it is asked for, suggests names, keeps errors to a line."""

import difflib
import importlib
import sys
from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from pipeline.cli.exit_codes import INTERRUPTED, exit_code, in_words, is_expected
from pipeline.printable import printable


class SuggestingGroup(click.Group):
    """A group that names the nearest command where there is none of the given name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = str(args[0])
        names = self.list_commands(ctx)
        if name in names or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        way = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}."
        raise click.UsageError(f"No such command {name!r}. {way}", ctx)


class LazyGroup(SuggestingGroup):
    """Commands by their place, `module:attribute`, in sections with a line of help each.

    Help and completion of the group itself read that table alone, so that neither waits for Ray and the other
    heavy packages that commands import.
    """

    def __init__(self, sections: Mapping[str, Mapping[str, tuple[str, str]]], **options: Any) -> None:
        """`sections`: title of a section -> name of a command -> its place and its line of help."""
        super().__init__(**options)
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for commands in self.sections.values():
            if cmd_name in commands:
                module, _, attribute = commands[cmd_name][0].partition(":")
                command: click.Command = getattr(importlib.import_module(module), attribute)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [
            CompletionItem(name, help=text)
            for commands in self.sections.values()
            for name, (_, text) in commands.items()
            if name.startswith(incomplete)
        ] + click.Command.shell_complete(self, ctx, incomplete)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # People add --debug at the end of a command that failed, which is where its own options stand.
        if "--debug" in args[1:]:
            args = ["--debug", *(argument for argument in args if argument != "--debug")]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise  # click shows them itself
        except KeyboardInterrupt:
            click.echo("\ninterrupted; the same command continues a job", err=True)
            sys.exit(INTERRUPTED)
        except Exception as error:
            if ctx.params.get("debug") or not is_expected(error):
                raise
            click.echo(printable(f"error: {in_words(error)}"), err=True)
            sys.exit(exit_code(error))
