"""`python -m bedrock_alerts_cli.maintain.pictures`: create the documentation's pictures again.

The code that runs in AWS renders and posts the messages, the local stack's page shows them, and
headless Chromium, which must be installed, takes the screenshots; also of the dashboard.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.channels.digest import as_one
from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.channels.slack.send import SlackBotSender
from bedrock_alerts.alerts.formatting import caller_name
from bedrock_alerts.alerts.ports import Job
from bedrock_alerts_cli.fake_slack.request import Request
from bedrock_alerts_cli.fake_slack.server import Receiver, page
from bedrock_alerts_cli.maintain.dashboard_picture import dashboard_page
from bedrock_alerts_cli.project import ROOT
from bedrock_alerts_cli.samples.alerts import BEGAN, BY_KIND, BY_REASON, ENDED, FULL
from bedrock_alerts_cli.user_errors import CommandError

if TYPE_CHECKING:
    from bedrock_alerts.alerts.incidents.item import Reference

IMAGES: Final = ROOT / "docs" / "images"
_CHANNEL: Final = "C0123456789"
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_SECONDS: Final = 60
WIDTH: Final = 680
DASHBOARD_WIDTH: Final = 1460
# Only the channel, at its full height.
_CSS: Final = """<style>
.top, .mail, .summary, .channel > header { display: none !important; }
body { height: auto !important; background: var(--pane); }
main { display: block !important; padding: 0; } .pane { border: 0; border-radius: 0; }
</style>"""
_MEASURE: Final = """<script>
const feed = document.querySelector(".feed");
document.documentElement.dataset.height =
  feed ? feed.offsetHeight : document.documentElement.scrollHeight;
</script>"""
_HEIGHT: Final = re.compile(r'<html[^>]* data-height="(\d+)"')


class Channel:
    """The Slack methods that the bot needs, with a receiver that shows what was posted."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.receiver = Receiver(clock=lambda: self.now)

    def post(
        self,
        token: str,
        channel: str,
        payload: Mapping[str, Any],
        *,
        thread_ts: str = "",
        broadcast: bool = False,
        seconds: float,
    ) -> str:
        """Store a message, or a reply."""
        del token, channel, seconds
        thread = {"thread_ts": thread_ts, "reply_broadcast": broadcast} if thread_ts else {}
        return self.receiver.add_message({**payload, **thread}).ts

    def update(
        self, token: str, channel: str, ts: str, payload: Mapping[str, Any], *, seconds: float
    ) -> None:
        """Replace a message."""
        del token, channel, seconds
        self.receiver.edit_message(ts, payload)

    def upload(
        self,
        token: str,
        channel: str,
        thread_ts: str,
        picture: bytes,
        *,
        title: str,
        seconds: float,
    ) -> None:
        """Leave the picture out."""

    def draw(self, widget: str) -> bytes:
        """Raise, because only CloudWatch can draw graphs."""
        raise CommandError(f"a picture of {len(widget)} characters can only be drawn in AWS")

    def text(self, *, fresh: bool = False) -> str:
        """Return the bot's token."""
        del fresh
        return "xoxb-invented"


def alarm() -> Receiver:
    """Show a critical alarm with evidence, what to do, and buttons; its thread is closed."""
    channel = Channel()
    _tell(channel, [FULL], has_extras=False)
    return channel.receiver


def life() -> Receiver:
    """Show the same alarm after it is resolved: its message edited, its timeline in the thread."""
    channel = Channel()
    acknowledged = BY_REASON["acknowledged"]
    _tell(channel, [FULL, acknowledged, BY_REASON["resolved"]])
    return channel.receiver


def storm() -> Receiver:
    """Show many alarms within a few minutes as one message."""
    channel = Channel()
    offender, name = BY_KIND["contributor"], BY_KIND["query"].title
    alerts = [
        BY_KIND["composite"],
        BY_REASON["resolved"],
        BY_KIND["math"],
        BY_KIND["anomaly"],
        *(
            msgspec.structs.replace(
                offender,
                key=caller,
                title=f"{name}: {caller}",
                headline=f"Calls of one caller blocked: {caller_name(caller)}",
            )
            for caller in _CALLERS
        ),
    ]
    channel.now = ENDED
    channel.receiver.add_message(slack.render(as_one(alerts, "storm")))
    return channel.receiver


_CALLERS: Final = tuple(f"assumed-role/{name}" for name in ("chat-backend", "search", "reports"))
PICTURES: Final = {"alarm": alarm, "life": life, "storm": storm}


def _tell(channel: Channel, alerts: list[Alert], *, has_extras: bool = True) -> None:
    sender = SlackBotSender(channel, channel, _CHANNEL, channel, is_answered=True)
    reference: Reference | None = None
    for number, alert in enumerate(alerts):
        shown = msgspec.structs.replace(alert, widget="", incident=FULL.incident, number=1)
        channel.now = BEGAN + timedelta(minutes=1 + 7 * number)
        job = Job("edit" if reference else "post", (shown,), reference=reference, number=1)
        receipt = sender.send(job, _SECONDS)
        if receipt.reference is not None and reference is None and has_extras:
            for add in sender.extras(job, receipt.reference, _SECONDS):
                add()
        reference = receipt.reference


def photograph(
    receiver: Receiver, path: Path, *, width: int = WIDTH, is_dark: bool = False, scale: int = 2
) -> None:
    """Take a screenshot of the channel with this width. Raises CommandError without a browser."""
    html = page(receiver, Request("/", b"", None)).body.replace("</head>", f"{_CSS}</head>")
    photograph_page(html, path, width=width, is_dark=is_dark, scale=scale)


def photograph_page(
    html: str, path: Path, *, width: int, is_dark: bool = False, scale: int = 1
) -> None:
    """Take a screenshot of a page, as high as it is. Raises CommandError without a browser."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise CommandError("no Chromium found: pictures of pages need one")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(html + _MEASURE)
        options = [
            browser,
            "--headless=new",
            "--no-sandbox",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
            f"--force-device-scale-factor={scale}",
            f"--blink-settings=preferredColorScheme={0 if is_dark else 1}",
        ]
        measured = _run([*options, f"--window-size={width},800", "--dump-dom", file.as_uri()])
        found = _HEIGHT.search(measured)
        if found is None:
            raise CommandError("the page could not be measured")
        size = f"--window-size={width},{found[1]}"
        _run([*options, size, f"--screenshot={path}", file.as_uri()])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise CommandError(f"Chromium failed: {done.stderr.strip()[-300:]}")
    return done.stdout


def main() -> int:
    """Take every picture."""
    for name, show in PICTURES.items():
        path = IMAGES / f"slack-{name}.png"
        photograph(show(), path)
        print(f"wrote {path.relative_to(ROOT)}")
    path = IMAGES / "dashboard.png"
    photograph_page(dashboard_page(), path, width=DASHBOARD_WIDTH)
    print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
