"""The `bedrock-alerts` command line."""

import sys

import click

from bedrock_alerts_lab.errors import LabError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Watch what happens on Amazon Bedrock: the same code that runs in AWS, on your machine.

    Exit codes: 0 all fine, 1 something was found wrong, 2 bad usage or unreadable input.
    """


def main() -> int:
    """Run the command line and return its exit code."""
    try:
        result = cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 130
    except LabError as error:
        click.secho(f"bedrock-alerts: {error}", fg="red", err=True)
        return error.exit_code
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
