"""`bedrock-alerts demo`."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import click

from bedrock_alerts_cli.local_stack.prerequisites import refuse_what_is_missing
from bedrock_alerts_cli.sample_account import NO_CREDENTIAL, REGION
from bedrock_alerts_cli.template.stack import NAME as STACK

if TYPE_CHECKING:
    from rich.console import Console

    from bedrock_alerts_cli.local_stack.demo import LocalStack


@click.command()
@click.option("--exit", "end_at_once", is_flag=True, help="Exit at the end of the scenario.")
@click.option("--json", "as_machine", is_flag=True, help="Print the outcome as JSON, then exit.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8700,
    show_default=True,
    help="Port of the page with the messages.",
)
@click.option(
    "--engine-port",
    type=click.IntRange(1, 65535),
    help="Port of the embedded engine. [default: a free one]",
)
@click.option(
    "--slack",
    type=click.Choice(["webhook", "bot"]),
    default="webhook",
    show_default=True,
    help="How to post to Slack: a bot edits its messages and uses threads.",
)
@click.option(
    "--keep",
    is_flag=True,
    help="Keep the stack running for `sam local invoke`, and write the files that it needs.",
)
@click.option(
    "--outage", is_flag=True, help="Make Slack unavailable while the first alert is sent."
)
@click.option(
    "--pace",
    type=click.FloatRange(min=0),
    default=0.6,
    show_default=True,
    help="Seconds that a simulated minute takes.",
)
def demo(  # noqa: PLR0913 - one for each option
    *,
    end_at_once: bool,
    as_machine: bool,
    port: int,
    engine_port: int | None,
    slack: Literal["webhook", "bot"],
    keep: bool,
    outage: bool,
    pace: float,
) -> int:
    """Play sample Bedrock traffic through the whole pipeline, on this machine.

    Builds the template, deploys it to an embedded engine, plays half an hour of sample traffic, and
    shows the resulting Slack messages and emails on a web page. Needs no AWS account, and Docker
    only for --keep. Takes a minute or two, after the first start has installed the engine.

    It then stays up until Ctrl-C: every command that takes --endpoint-url works with its stack.

    \b
    Examples:
      make demo
      bedrock-alerts demo --slack bot --exit

    Exit status: 0 only if every channel shows every change, in no more messages than changes.
    """  # noqa: D301 - \b is click's
    refuse_what_is_missing()
    # Imported here: boto3 and rich would make every `--help` wait.
    from rich.console import Console  # noqa: PLC0415

    from bedrock_alerts_cli.local_stack import demo as play  # noqa: PLC0415

    if keep:
        from bedrock_alerts_cli.local_stack.containers import bridge  # noqa: PLC0415

        bridge()  # reported now, not at the end of the scenario
    # SIGTERM and a closed terminal stop everything that was started, like Ctrl-C.
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _interrupt)
    say = Console(stderr=as_machine, highlight=False, soft_wrap=True)
    options = play.DemoOptions(
        page_port=port, engine_port=engine_port, outage=outage, pace=pace, slack=slack
    )
    started = time.monotonic()
    with play.local_stack(options, say) as local:
        say.print(f"  Messages appear on [bold underline]{local.receiver.url}[/]\n")
        outcome = play.Demo(local, options, say).play()
        say.print()
        say.print(play.summary(outcome))
        took = time.monotonic() - started
        say.print(
            f"{outcome.records} records became {outcome.datapoints} data points and "
            f"{len(outcome.changes)} state changes; everything took {took:.0f} s."
        )
        for line in outcome.missing:
            say.print(f"[red]Never arrived:[/] {line}")
        for line in outcome.surplus:
            say.print(f"[red]Arrived more than once:[/] {line}")
        if keep:
            _keep(local, say)
        if as_machine:
            click.echo(json.dumps(play.as_json(outcome)))
        elif not end_at_once and not keep:
            _stay(local, say)
    return 0 if outcome.complete else 1


def _keep(local: "LocalStack", say: "Console") -> None:
    """Keep everything running for functions in containers, until Ctrl-C."""
    from bedrock_alerts_cli.local_stack import containers  # noqa: PLC0415

    ports = (local.engine.port, local.receiver.port)
    with containers.reachable_from_containers(*ports):
        say.print("Building for Lambda's containers…")
        containers.write_files(local.engine, local.stack, local.receiver.webhook_url)
        say.print("Type these in another terminal; their messages appear on the page:")
        for function, event in (
            ("RouteFunction", "route throttling"),
            ("DeliverFunction", "deliver slack"),
        ):
            say.print(f"  {containers.command(function, event)}")
        _stay(local, say)


def _stay(local: "LocalStack", say: "Console") -> None:
    """Say what can be done with the stack, and keep it up until Ctrl-C."""
    say.print("\n".join(how_to_use(local.engine.url, sys.argv[0])), markup=False)
    say.print(f"\nLook at [bold underline]{local.receiver.url}[/]. Press Ctrl-C to stop.")
    _until_interrupted()


def how_to_use(url: str, program: str) -> Iterator[str]:
    """Yield what to type in another terminal; `program` is how this command was called."""
    # By its path, as `make demo` calls it, unless it is found without.
    command = program if program.startswith(".") else "bedrock-alerts"
    yield f"Stack {STACK}, Region {REGION}, endpoint {url}. In another terminal:"
    yield f"  export AWS_ACCESS_KEY_ID={NO_CREDENTIAL} AWS_SECRET_ACCESS_KEY={NO_CREDENTIAL} \\"
    yield f"    AWS_DEFAULT_REGION={REGION}"
    yield f"  {command} incidents list --all --endpoint-url {url}"


def _interrupt(*_: object) -> None:
    # Not with SIGINT, which a shell's background jobs ignore.
    raise KeyboardInterrupt


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        click.echo("\nStopping everything.", err=True)
