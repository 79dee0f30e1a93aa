"""`fpn completion`: the shell's script that completes commands, options and their values."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes `fpn` in SHELL.

    \b
    Examples:
      fpn completion bash > ~/.local/share/bash-completion/completions/fpn
      fpn completion zsh > ~/.zfunc/_fpn        # a folder of $fpath
      fpn completion fish > ~/.config/fish/completions/fpn.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "fpn", "_FPN_COMPLETE").source())
