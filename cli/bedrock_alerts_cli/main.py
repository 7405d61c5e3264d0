"""The `bedrock-alerts` command line."""

import sys
from importlib import import_module
from typing import Final

import click

from bedrock_alerts_cli import extras, project
from bedrock_alerts_cli.command_groups import Suggests
from bedrock_alerts_cli.user_errors import CommandError

# The module of each command, imported when called: boto3 and others would make `--help` slow.
_COMMANDS: Final = {
    "backfill": "bedrock_alerts_cli.commands.backfill",
    "backtest": "bedrock_alerts_cli.commands.backtest",
    "completion": "bedrock_alerts_cli.commands.completion",
    "demo": "bedrock_alerts_cli.commands.demo",
    "deploy": "bedrock_alerts_cli.commands.deploy",
    "doctor": "bedrock_alerts_cli.commands.doctor",
    "generate-event": "bedrock_alerts_cli.commands.generate_event",
    "incidents": "bedrock_alerts_cli.commands.incidents",
    "inspect": "bedrock_alerts_cli.commands.inspect",
    "invoke": "bedrock_alerts_cli.commands.invoke",
    "metrics": "bedrock_alerts_cli.commands.metrics",
    "prices": "bedrock_alerts_cli.commands.prices",
    "redrive": "bedrock_alerts_cli.commands.redrive",
    "render": "bedrock_alerts_cli.commands.render",
    "replay": "bedrock_alerts_cli.commands.replay",
    "report": "bedrock_alerts_cli.commands.report",
    "routes": "bedrock_alerts_cli.commands.routes",
    "silence": "bedrock_alerts_cli.commands.silence",
    "simulate": "bedrock_alerts_cli.commands.simulate",
    "stack-cost": "bedrock_alerts_cli.commands.stack_cost",
    "test-alert": "bedrock_alerts_cli.commands.test_alert",
    "try-aws": "bedrock_alerts_cli.commands.try_aws",
}
# Names of version 0.1 that still work but are not listed.
_FORMER: Final = {"cost": "stack-cost"}


class _LazyGroup(Suggests):
    """A group whose commands are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        name = _FORMER.get(cmd_name, cmd_name)
        module = _COMMANDS.get(name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(module), name.replace("-", "_"))
        return command


def _print_version(ctx: click.Context, _param: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001
    if is_asked:
        click.echo(f"bedrock-alerts {project.version()}")
        ctx.exit()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Watch Amazon Bedrock: run the code that runs in AWS on your machine.

    Exit status: 0 if all is well, 1 if something is wrong, 2 for bad usage, unreadable input, or a
    stack that cannot be read: no credentials, no network, no such stack.
    """


def _run() -> object:
    """Run the command. Raises InputError where it needs an extra that is not installed."""
    try:
        return cli(standalone_mode=False, prog_name=project.DISTRIBUTION)
    except ModuleNotFoundError as error:
        raise extras.missing(error) from error


def main() -> int:
    """Run the command line and return its exit code."""
    try:
        result = _run()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 130
    except CommandError as error:
        click.secho(f"bedrock-alerts: {error}", fg="red", err=True)
        return error.exit_code
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
