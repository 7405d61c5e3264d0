"""CloudWatch draws a metric, and a failure is no more than a picture that is missing."""

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_alerts.adapters.cloudwatch import MetricPictures
from bedrock_alerts.errors import PermanentError, TransientError


def test_a_picture_is_drawn_by_cloudwatch() -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    pictures = MetricPictures(cloudwatch)
    with Stubber(cloudwatch) as stub:
        stub.add_response(
            "get_metric_widget_image", {"MetricWidgetImage": b"PNG"}, {"MetricWidget": "{}"}
        )
        assert pictures.draw("{}") == b"PNG"
        stub.add_client_error("get_metric_widget_image", "Throttling")
        with pytest.raises(TransientError, match=r"^Amazon CloudWatch refused: Throttling$"):
            pictures.draw("{}")


def test_the_client_for_pictures_is_made_at_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def client(service: str, **_: object) -> object:
        made.append(service)
        raise PermanentError("enough")

    monkeypatch.setattr(boto3, "client", client)
    pictures = MetricPictures()
    assert made == []
    with pytest.raises(PermanentError):
        pictures.draw("{}")
    assert made == ["cloudwatch"]
