"""The weekly report, where it is on: was the last one sent."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    ago,
    ok,
    waiting,
    wrong,
)

_CHECK: Final = "weekly report"
# What lies in the bucket beside the pages are records of failed runs.
_PAGE: Final = re.compile(r"\d{4}-\d\d-\d\d\.html")
# A week, and a day for a late run.
_LATE: Final = timedelta(days=8).total_seconds()


def weekly_report(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look at the stored pages and the records of failed runs: which is the newest."""
    if "WeeklyReportFunction" not in stack.resources:
        return
    function, now = stack.resource("WeeklyReportFunction"), clock()
    pages = stack.client("s3").get_paginator("list_objects_v2")
    stored, failed = 0.0, 0.0
    for page in pages.paginate(Bucket=stack.resource("ReportsBucket")):
        for one in page.get("Contents", []):
            at = one["LastModified"].timestamp()
            if _PAGE.fullmatch(one["Key"]):
                stored = max(stored, at)
            else:
                failed = max(failed, at)
    # Not waited for: the AWS CLI would run it once more where it takes long.
    again = stack.aws(
        f"lambda invoke --function-name {function} --invocation-type Event /dev/stdout"
    )
    # A channel that refuses the report ends the run in an error after its page is stored.
    if failed > stored:
        fix = f"See the log of {function}. Then send it to all channels:\n{again}"
        yield wrong(_CHECK, f"the last run failed, {ago(now, failed)}", fix)
    elif now - max(stored, stack.updated_at.timestamp()) > _LATE:
        says = f"the last one was stored {ago(now, stored)}" if stored else "none was ever stored"
        fix = f"Check the rule WeeklyReportRule and the log of {function}. To send one:\n{again}"
        yield wrong(_CHECK, says, fix)
    elif now - stored <= _LATE:
        yield ok(_CHECK, f"sent {ago(now, stored)}")
    else:
        yield waiting(_CHECK, "the next one is sent on Monday at 07:00 UTC")


CHECKS: Final = (Check(_CHECK, weekly_report),)
