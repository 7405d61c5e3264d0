"""Sets the clocks of programs that tests start to the test's time."""

import time

import time_machine


def same_day() -> str:
    """Return the first lines of a Python program whose day is that of the test (--days-ahead)."""
    if not time_machine.escape_hatch.is_travelling():
        return ""
    ahead = time.time() - time_machine.escape_hatch.time.time()
    return (
        "import time, time_machine\n"
        f"time_machine.travel(time.time() + {ahead!r}, tick=True).start()\n"
    )
