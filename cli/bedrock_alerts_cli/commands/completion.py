"""`bedrock-alerts completion`."""

import click
from click.shell_completion import get_completion_class

from bedrock_alerts_cli.terminal import write

_NAME = "bedrock-alerts"
_VARIABLE = "_BEDROCK_ALERTS_COMPLETE"  # click looks for it


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
def completion(shell: str) -> None:
    """Print the script that completes commands and options when you press Tab in SHELL.

    \b
    Examples:
      eval "$(bedrock-alerts completion bash)"
      eval "$(bedrock-alerts completion zsh)"
      bedrock-alerts completion fish | source

    Add the line to the file that your shell reads when it starts: ~/.bashrc, ~/.zshrc or
    ~/.config/fish/config.fish. Bash has to be version 4.4 or newer.
    """  # noqa: D301 - \b is click's
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"{shell} is not a shell that click knows.")
    root = click.get_current_context().find_root().command
    write(found(root, {}, _NAME, _VARIABLE).source() + "\n")
