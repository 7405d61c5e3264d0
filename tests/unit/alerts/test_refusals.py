"""Refused requests are counted, and told once a minute, however many there are."""

from bedrock_alerts.alerts.refusals import Refusals


def test_a_flood_of_refused_requests_is_published_once_a_minute() -> None:
    published: list[int] = []
    now = 0.0
    refusals = Refusals(published.append, lambda: now)
    assert refusals.add()
    for second in range(59):
        now = float(second)
        assert not refusals.add()
    assert published == [1]
    now = 61.0
    assert refusals.add()
    assert published == [1, 60]
