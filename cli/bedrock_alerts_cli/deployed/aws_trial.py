"""A trial in a real account: deploy, make a call that is blocked, see it arrive, delete it all.

Each step is timed. The first that fails ends the trial; what was made is deleted in any case.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import click

from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.test_marks import name_of_test
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.deployed.doctor.finding import Area
from bedrock_alerts_cli.deployed.doctor.looked_at import look_at
from bedrock_alerts_cli.deployed.email_recipients import unconfirmed
from bedrock_alerts_cli.deployed.first_record import has_record
from bedrock_alerts_cli.deployed.known_alarms import described
from bedrock_alerts_cli.deployed.trial_cleanup import Deletion, TrialStack
from bedrock_alerts_cli.deployed.trial_events import TrialAlarm
from bedrock_alerts_cli.deployed.trial_guardrail import TrialGuardrail
from bedrock_alerts_cli.deployed.trial_hops import Hops
from bedrock_alerts_cli.deployed.trial_run import course_of, run
from bedrock_alerts_cli.deployed.trial_transcript import Step, Transcript
from bedrock_alerts_cli.user_errors import CommandError

BLOCKED_ALARM: Final = "ContentFilteredAlarm"
"""The alarm that fires at one blocked call; only AlarmSet=all has it."""

_BLOCKED_METRIC: Final = "ContentFilteredCount"
_CONFIRM_SECONDS: Final = 300.0
_RECORD_SECONDS: Final = 900.0
# Bedrock logs some minutes after logging was switched on: calls before that have no record.
_CALL_AGAIN_SECONDS: Final = 120.0
_METRIC_SECONDS: Final = 300.0
_ALARM_SECONDS: Final = 600.0
_CHANNELS_SECONDS: Final = 120.0
_TEST_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 1.0


class Checked(NamedTuple):
    """One check before the deployment; with a `fix` it prevents it."""

    about: str
    says: str
    fix: str = ""


class _FailedError(CommandError):
    """A step that failed, and what to do."""

    def __init__(self, says: str, fix: str) -> None:
        super().__init__(says)
        self.fix = fix


@dataclass(kw_only=True)
class AwsTrial:
    """What a trial needs. `check` yields deploy's checks, `deploy` builds and deploys the stack."""

    name: str
    account: str
    region: str
    model: str
    has_email: bool
    client: Callable[..., Any]
    check: Callable[[], Iterable[Checked]]
    deploy: Callable[[], None]
    areas: Sequence[Area]
    keep: bool = False
    notifier_of: Callable[[DeployedStack], DeployedNotifier] = DeployedNotifier.of
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    _stack: DeployedStack | None = None
    _called_at: float = 0.0
    _calls: int = 0
    _made: TrialStack = field(init=False)
    _guardrail: TrialGuardrail = field(init=False)

    def __post_init__(self) -> None:
        self._made = TrialStack(self.name, self.region, self.client)
        self._guardrail = TrialGuardrail(
            self.name, self.region, self.client, self.clock, self.sleep
        )

    def run(self) -> Transcript:
        """Run the trial, and return what happened. No error and no Ctrl-C leaves it half done."""
        heading = (
            f"Trial of Bedrock Alerts: stack {self.name}, account {self.account}, {self.region},"
            f" {datetime.fromtimestamp(self.clock(), UTC):%Y-%m-%d %H:%M} UTC"
        )
        transcript = Transcript(heading, self.clock)
        try:
            self._run_steps(transcript)
        finally:
            if self.keep:
                self._say_what_is_kept(transcript)
            else:
                self._delete(transcript)
        return transcript

    def _run_steps(self, transcript: Transcript) -> None:
        for name, do, is_last_without in (
            ("1 check", self._check, True),
            ("2 deploy", self._deploy, True),
            ("3 guarded call", self._call, True),
            # Where the message does not come, doctor may know why.
            ("4 message", self._see_message, False),
            ("5 doctor", self._ask_doctor, False),
        ):
            step = transcript.begin(name)
            if not _ended(transcript, step, do) and (is_last_without or step.result == "stopped"):
                return

    # ---- steps -----------------------------------------------------------------------------------

    def _check(self, step: Step) -> None:
        fixes = []
        for found in self.check():
            step.lines.append(f"{'✗' if found.fix else '✓'} {found.about}: {found.says}")
            fixes += [found.fix] * bool(found.fix)
        if fixes:
            raise _FailedError("the checks do not allow a deployment", "; ".join(fixes))
        self._made.look_before()

    def _deploy(self, step: Step) -> None:
        self._made.is_begun = True
        try:
            self.deploy()
        except CommandError as error:
            raise _FailedError(
                str(error),
                "see what `sam` printed above, and the events of the stack in CloudFormation",
            ) from error
        self._stack = DeployedStack.read(self.name, self.region, self.client)
        step.lines.append(f"{self._stack.status}, {len(self._stack.resources)} resources")
        if self.has_email:
            self._wait_for_recipient(self._stack, step)

    def _wait_for_recipient(self, stack: DeployedStack, step: Step) -> None:
        click.echo("  Now confirm the subscription in the email from AWS Notifications.", err=True)
        if self._wait(lambda: not unconfirmed(stack), _CONFIRM_SECONDS, _POLL_SECONDS):
            step.lines.append("the email subscription is confirmed")
        else:
            step.lines.append("the email subscription is not confirmed: no email will arrive")

    def _call(self, step: Step) -> None:
        self._guardrail.create()
        step.lines.append(f"guardrail {self._guardrail.id}, version {self._guardrail.version}")
        self._called_at = self.clock()
        try:
            self.model = self._guardrail.call(self.model)
        except CommandError as error:
            raise _FailedError(
                str(error),
                f"check that you may call {self.model} in {self.region}, or give --model with a"
                " model or an inference profile that this Region has",
            ) from error
        self._calls = 1
        step.lines.append(f"a call of {self.model} was blocked")

    def _see_message(self, step: Step) -> None:
        stack = self._deployed()
        self._see_record(stack, step)
        namespace = stack.parameters.get("MetricsNamespace", "BedrockAlerts")
        if not self._wait(lambda: self._is_counted(stack, namespace), _METRIC_SECONDS):
            raise _FailedError(
                f"no {_BLOCKED_METRIC} in namespace {namespace} after"
                f" {_METRIC_SECONDS / 60:.0f} min",
                "see the log of the collect-logs function, and step 5",
            )
        self._hop(step, f"metric {_BLOCKED_METRIC} in CloudWatch")
        notifier = self.notifier_of(stack)
        if BLOCKED_ALARM in stack.resources:
            self._see_alarm(stack, notifier, step)
        else:
            self._send_test(stack, notifier, step)

    def _see_record(self, stack: DeployedStack, step: Step) -> None:
        deadline, again = self.clock() + _RECORD_SECONDS, self.clock() + _CALL_AGAIN_SECONDS
        while not has_record(stack, self._called_at):
            if self.clock() >= deadline:
                raise _FailedError(
                    f"the collector received no record of {self._calls} calls in"
                    f" {_RECORD_SECONDS / 60:.0f} min",
                    "see step 5: it checks the invocation log and its subscription",
                )
            if self.clock() >= again:
                self._guardrail.call(self.model)
                self._calls += 1
                again = self.clock() + _CALL_AGAIN_SECONDS
            self.sleep(_POLL_SECONDS)
        if self._calls > 1:
            step.lines.append(f"{self._calls} calls were made until Bedrock logged one")
        self._hop(step, "record counted by the collector")

    def _is_counted(self, stack: DeployedStack, namespace: str) -> bool:
        metric = {"Namespace": namespace, "MetricName": _BLOCKED_METRIC, "Dimensions": []}
        start = datetime.fromtimestamp(self._called_at // 60 * 60, UTC)
        with said_plainly(f"metric {_BLOCKED_METRIC}"):
            found = stack.client("cloudwatch").get_metric_data(
                MetricDataQueries=[
                    {
                        "Id": "blocked",
                        "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
                    }
                ],
                StartTime=start,
                EndTime=datetime.fromtimestamp(self.clock(), UTC) + timedelta(minutes=1),
            )
        return any(found["MetricDataResults"][0].get("Values", []))

    def _see_alarm(self, stack: DeployedStack, notifier: DeployedNotifier, step: Step) -> None:
        name = stack.resource(BLOCKED_ALARM)

        def is_firing() -> bool:
            return (described(stack, name) or {}).get("StateValue") == "ALARM"

        if not self._wait(is_firing, _ALARM_SECONDS, _POLL_SECONDS):
            raise _FailedError(
                f"alarm {name} did not fire in {_ALARM_SECONDS / 60:.0f} min",
                "see step 5: it checks whether the alarm can fire",
            )
        self._hop(step, f"alarm {name} is in ALARM")
        hops = Hops(0, self._called_at, notifier.channels)
        alarm = incident_id(notifier.alarms + name)

        def is_notified() -> bool:
            hops.look(notifier.load(alarm), self.clock())
            return hops.is_notified()

        is_in_time = self._wait(is_notified, _CHANNELS_SECONDS, _LOOK_SECONDS)
        self._show(stack, step, hops)
        if not is_in_time or not hops.asked() or any(one.refusal for one in hops.asked()):
            raise _FailedError(
                "not every channel was notified of the alarm",
                "see the logs of the functions route and deliver, and step 5",
            )

    def _send_test(self, stack: DeployedStack, notifier: DeployedNotifier, step: Step) -> None:
        step.lines.append(
            "no essential alarm fires at one blocked call: the message is that of `test-alert`"
        )
        name = name_of_test(stack.name, datetime.fromtimestamp(notifier.clock(), UTC))
        alarm = TrialAlarm(notifier.alarms + name, "warning", "try-aws")
        hops = run(notifier, course_of(notifier, alarm, _TEST_SECONDS), _TEST_SECONDS)
        self._show(stack, step, hops)
        if not hops.asked() or any(one.result != "yes" for one in hops.asked()):
            raise _FailedError(
                "not every channel was notified of the test",
                "see the logs of the functions route and deliver, and step 5",
            )

    def _show(self, stack: DeployedStack, step: Step, hops: Hops) -> None:
        """Write each hop of the notifier, in seconds since the call, or since the test."""
        email = hops.channels.get("email")
        if email is not None and email.is_asked and email.notified_at is not None:
            email.refusal = email.refusal or unconfirmed(stack)
        if hops.learned_at is not None:
            step.lines.append(f"{hops.learned_at - hops.put_at:.1f} s: learned by route")
        for one in hops.channels.values():
            if not one.is_asked:
                step.lines.append(f"{one.channel}: not asked, by the routes")
                continue
            at = one.notified_at
            after = "" if at is None else f"{at - hops.put_at:.1f} s: "
            said = one.refusal or ("no answer yet" if at is None else "notified")
            step.lines.append(f"{after}{one.channel}: {said}")

    def _ask_doctor(self, step: Step) -> None:
        seen = look_at(self._deployed(), self.areas, self.clock)
        findings = [finding for area in seen for finding in area.findings]
        counted = {
            verdict: sum(one.verdict == verdict for one in findings)
            for verdict in ("ok", "waiting", "unknown", "wrong")
        }
        step.lines.append(", ".join(f"{number} {word}" for word, number in counted.items()))
        for one in findings:
            if one.verdict in ("unknown", "wrong"):
                step.lines.append(f"{one.verdict}: {one.check}: {one.evidence}")
        fixes = [one.fix.replace("\n", " ") for one in findings if one.verdict == "wrong"]
        if fixes:
            raise _FailedError("doctor finds something wrong", " ".join(dict.fromkeys(fixes)))

    # ---- the end ---------------------------------------------------------------------------------

    def _deletions(self) -> Iterable[Deletion]:
        """Yield what is to be deleted: calls to stop first, then the stack, then what stays."""
        if self._guardrail.is_made:
            yield Deletion(
                f"guardrail {self._guardrail.id or self.name}",
                self._guardrail.delete,
                self._guardrail.command_to_delete(),
            )
        if self._made.is_begun:
            yield from self._made.deletions()

    def _delete(self, transcript: Transcript) -> None:
        step = transcript.begin("6 delete")
        left: list[str] = []
        is_stopped = False
        try:
            planned = list(self._deletions())
        except KeyboardInterrupt:  # the second one: what there is to delete is still named
            planned = list(self._deletions())
        for deletion in planned:
            if is_stopped:
                says = "stopped by Ctrl-C"
            else:
                try:
                    step.lines.append(deletion.do())
                    continue
                except KeyboardInterrupt:
                    is_stopped, says = True, "stopped by Ctrl-C"
                except Exception as error:  # noqa: BLE001 - the others are deleted all the same
                    says = _said(error)
            step.lines.append(f"NOT deleted: {deletion.what}: {says}")
            left.append(deletion.command)
        for command in left:
            step.lines.append(f"to delete it: {command}")
        if not step.lines:
            step.lines.append("nothing was made")
        fix = "run the commands above, in this order" if left else ""
        transcript.end(step, "failed" if left else None, fix)

    def _say_what_is_kept(self, transcript: Transcript) -> None:
        step = transcript.begin("6 keep")
        for deletion in self._deletions():
            step.lines.append(f"kept: {deletion.what}; to delete it: {deletion.command}")
        transcript.end(step)

    # ---- help ------------------------------------------------------------------------------------

    def _deployed(self) -> DeployedStack:
        if self._stack is None:
            raise CommandError("the stack is not deployed")
        return self._stack

    def _hop(self, step: Step, what: str) -> None:
        step.lines.append(f"{self.clock() - self._called_at:.1f} s: {what}")

    def _wait(
        self, is_so: Callable[[], bool], seconds: float, every: float = _POLL_SECONDS
    ) -> bool:
        deadline = self.clock() + seconds
        while not is_so():
            if self.clock() >= deadline:
                return False
            self.sleep(every)
        return True


def _ended(transcript: Transcript, step: Step, do: Callable[[Step], None]) -> bool:
    """Do a step, and say how it ended. Return whether it went well."""
    try:
        do(step)
    except KeyboardInterrupt:
        step.lines.append("stopped by Ctrl-C")
        transcript.end(step, "stopped", "run try-aws again")
    except Exception as error:  # noqa: BLE001 - whatever it is, what was made is deleted
        step.lines.append(_said(error))
        fix = getattr(error, "fix", "") or "see the line above; then run try-aws again"
        transcript.end(step, "failed", fix)
    else:
        transcript.end(step)
        return True
    return False


def _said(error: Exception) -> str:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is slow

    if isinstance(error, BotoCoreError | ClientError):
        try:
            with said_plainly("your account"):
                raise error
        except CommandError as plain:
            return str(plain)
    return str(error) if isinstance(error, CommandError) else f"{type(error).__name__}: {error}"
