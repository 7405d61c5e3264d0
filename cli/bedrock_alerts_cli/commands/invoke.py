"""`bedrock-alerts invoke`: one built function, run here as Lambda would run it."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from bedrock_alerts_cli.local_stack.metrics_log import MetricsLog
from bedrock_alerts_cli.options import endpoint_option
from bedrock_alerts_cli.sample_account import REGION
from bedrock_alerts_cli.terminal import Column, Table, moment, until_cut_off, write
from bedrock_alerts_cli.user_errors import InputError
from bedrock_alerts_cli.user_files import NamedText, TextFile

_COLUMNS: Final = (
    Column(title="metric", style=lambda _: "bold"),
    Column(title="dimensions", least=16, wraps=True),
    Column(title="values", is_right=True, rank=1),
    Column(title="sum", is_right=True),
    Column(title="minute (UTC)", rank=2),
)
_MEBIBYTE: Final = 1024 * 1024


@click.command()
@click.argument("function")
@click.option("-e", "--event", required=True, type=TextFile(), help="JSON; - is stdin.")
@click.option(
    "--env", "given", multiple=True, metavar="NAME=VALUE", help="A variable; several times."
)
@click.option("--stack", metavar="NAME", help="Take the variables of the deployed function.")
@click.option("--region", help="With --stack: its Region.  [default: that of your AWS settings]")
@endpoint_option("Where calls to AWS go: the local stack's address. Without it they are refused.")
@click.option(
    "--build-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="What `sam build` has written.  [default: .aws-sam/build]",
)
@click.option(
    "--python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Python of Lambda's version that has awslambdaric.",
)
@click.option(
    "--timeout", type=click.FloatRange(1, 900), default=60.0, show_default=True, metavar="SECONDS",
    help="How long the function may take.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, nothing else.")
def invoke(  # noqa: PLR0913 - click passes every option on its own
    function: str,
    *,
    event: NamedText,
    given: tuple[str, ...],
    stack: str | None,
    region: str | None,
    endpoint_url: str | None,
    build_dir: Path | None,
    python: Path | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Run one built function with an event, and show its answer, log, metrics and duration.

    FUNCTION is its name without the stack's, such as collect-logs, or its logical id. It runs under
    Lambda's runtime interface emulator, which the AWS SAM CLI brings along. Docker is not needed.

    Its variables are the template's defaults, or with --stack those of the deployed function. It
    never receives your AWS credentials.

    \b
    Examples:
      sam build && bedrock-alerts invoke collect-logs -e events/collect_logs/traffic.json
      bedrock-alerts invoke route -e alarm.json --stack bedrock-alerts \\
        --endpoint-url http://127.0.0.1:4566

    Exit status: 1 if the function raised an error or gave a message back, 2 if the event or the
    build cannot be read.
    """  # noqa: D301 - \b is click's
    from bedrock_alerts_cli.emulated.built_functions import (  # noqa: PLC0415 - slow to load
        BUILD,
        Build,
        with_access,
    )
    from bedrock_alerts_cli.emulated.runtime_emulator import invoke_once  # noqa: PLC0415

    wanted = dict(_pair(one) for one in given)
    content = _event(event)
    build = Build(build_dir or BUILD)
    logical = build.find(function)
    runtime = build.runtime(python)
    variables = {**build.variables(logical), "AWS_LAMBDA_FUNCTION_NAME": logical}
    if stack:
        variables |= _deployed(stack, region, endpoint_url, logical)
    if runtime.note:
        click.echo(runtime.note, err=True)
    with until_cut_off(), _address(endpoint_url) as (url, refused):
        done = invoke_once(
            build.folder / logical,
            content,
            python=runtime.python,
            layers=runtime.layers,
            environment={**with_access(variables, url, region or REGION), **wanted},
            seconds=timeout,
        )
        lines = done.lines()
        metrics = _metrics(lines)
        others = [line for line in lines if '"_aws"' not in line]
        if as_json:
            document = {
                "answer": done.answer,
                "error": done.is_error,
                "log": others,
                "metrics": metrics,
                "duration_ms": done.duration_ms,
                "init_ms": done.init_ms,
                "peak_memory_bytes": done.peak_bytes or None,
                "refused_calls": dict(refused),
            }
            write(json.dumps(document) + "\n")
        else:
            _print(others, metrics)
            write(f"\nanswer: {json.dumps(done.answer)}\n{_measured(done)}\n")
        if refused:
            called = ", ".join(f"{name} ({count})" for name, count in sorted(refused.items()))
            click.echo(f"refused calls to AWS: {called}. Give --endpoint-url", err=True)
    return 1 if done.is_error else 0


def _pair(text: str) -> tuple[str, str]:
    name, is_given, value = text.partition("=")
    if not (name and is_given):
        raise click.BadParameter(f"{text} is not NAME=VALUE", param_hint="--env")
    return name, value


def _event(file: NamedText) -> dict[str, Any]:
    try:
        found = json.loads(file.text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file.name} is not JSON: `generate-event` makes events") from error
    if not isinstance(found, dict):
        raise InputError(f"{file.name} is not a JSON object: `generate-event` makes events")
    return found


def _refuse(word: str) -> None:
    """Refuse NaN and Infinity, which no function of Lambda is ever given."""
    raise ValueError(word)


def _deployed(
    stack: str, region: str | None, endpoint_url: str | None, logical: str
) -> dict[str, str]:
    from bedrock_alerts_cli.deployed.deployed_stack import (  # noqa: PLC0415 - boto3 is slow to load
        DeployedStack,
        said_plainly,
    )

    found = DeployedStack.open(stack, region, endpoint_url)
    click.echo(found.place, err=True)
    name = found.resource(logical)
    with said_plainly(f"function {name}"):
        answer = found.client("lambda").get_function_configuration(FunctionName=name)
    variables: dict[str, str] = answer.get("Environment", {}).get("Variables", {})
    return variables


@contextmanager
def _address(endpoint_url: str | None) -> Iterator[tuple[str, Counter[str]]]:
    """Return where calls to AWS go, and which of them are refused."""
    if endpoint_url:
        yield endpoint_url, Counter()
        return
    from bedrock_alerts_cli.emulated.refusing_aws import refusing_aws  # noqa: PLC0415 - as above

    with refusing_aws() as refused:
        yield refused.url, refused.calls


def _metrics(lines: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "metric": point.metric,
            "dimensions": dict(point.dimensions),
            "minute": moment(float(point.minute)),
            "values": len(point.values),
            "sum": sum(point.values),
        }
        for point in MetricsLog().read(lines)
    ]


def _print(log: Sequence[str], metrics: Sequence[dict[str, Any]]) -> None:
    write("".join(f"{line}\n" for line in log))
    if metrics:
        write("\n")
        Table(_COLUMNS).add(
            [
                (
                    one["metric"],
                    " ".join(f"{name}={value}" for name, value in one["dimensions"].items()),
                    f"{one['values']:,}",
                    f"{one['sum']:,.6g}",
                    one["minute"][:16],
                )
                for one in metrics
            ]
        )


def _measured(done: Any) -> str:
    parts = []
    if done.duration_ms is not None:
        parts.append(f"{done.duration_ms:,.0f} ms")
    if done.init_ms is not None:
        parts.append(f"{done.init_ms:,.0f} ms to initialize")
    if done.peak_bytes:
        parts.append(f"{done.peak_bytes / _MEBIBYTE:,.0f} MiB of memory at most")
    return ", ".join(parts) or "nothing was measured"
