"""What the collector publishes, as the simulator takes it."""

from bedrock_alerts import metrics
from bedrock_alerts_cli.simulator import Datapoint, published


def test_what_the_collector_publishes_arrives_under_its_namespace() -> None:
    point = metrics.Datapoint(
        metric="PolicyHits",
        dimensions=(("Policy", "content"), ("Action", "BLOCKED")),
        minute=60,
        values=(1.0, 2.0),
    )
    assert list(published([point], "Mine")) == [
        Datapoint(
            namespace="Mine",
            metric="PolicyHits",
            dimensions=(("Action", "BLOCKED"), ("Policy", "content")),
            minute=60,
            values=(1.0, 2.0),
        )
    ]
