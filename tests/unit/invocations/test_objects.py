"""Which objects are read is told by their names; everything else is a value that can be counted."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.invocations.model import Rejected, Skipped
from bedrock_alerts.invocations.objects import LogObject, log_objects
from bedrock_alerts_cli.samples.function_events import (
    BUCKET,
    log_key,
    object_created,
    s3_notification,
)

AT: Final = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
KEY: Final = log_key(AT)
FOLDER, _, NAME = KEY.rpartition("/")
LOGS: Final = "AWSLogs/111122223333/BedrockModelInvocationLogs"


ETAG = "0123456789abcdef0123456789abcdef"


def created(key: str, **more: Any) -> str:
    return json.dumps(object_created(key, AT, **more))


def notified(*keys: str, **more: Any) -> str:
    return json.dumps(s3_notification(list(keys), AT, **more))


def reasons(body: str) -> list[str]:
    """Return why each object is not read, or where it is if it is read."""
    return [
        found.key if isinstance(found, LogObject) else f"{type(found).__name__}: {found.reason}"
        for found in log_objects(body)
    ]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(KEY, id="without a prefix"),
        pytest.param(f"bedrock/{KEY}", id="with a prefix"),
        pytest.param(f"a/b/c/{KEY}", id="with a prefix of several folders"),
        pytest.param(f"our data/data/{KEY}", id="with a prefix that looks like a folder of bodies"),
        pytest.param(f"50%/env=prod/a+b/Zoë 🦆/{KEY}", id="with a prefix that has to be encoded"),
        pytest.param(f"AWSLogs/{KEY}", id="with a prefix that looks like the folder of logs"),
        pytest.param(
            f"{LOGS}/us-gov-west-1/2026/12/31/23/x.json.gz", id="of another region, oddly named"
        ),
    ],
)
def test_a_log_object_is_found_whoever_tells_of_it(key: str) -> None:
    assert list(log_objects(created(key))) == [LogObject(BUCKET, key, ETAG)]
    assert list(log_objects(notified(key))) == [LogObject(BUCKET, key)]


def test_a_notification_says_which_version_of_an_object_it_is_about() -> None:
    notification = s3_notification([KEY], AT)
    notification["Records"][0]["s3"]["object"]["eTag"] = ETAG
    assert list(log_objects(json.dumps(notification))) == [LogObject(BUCKET, KEY, ETAG)]
    notification["Records"][0]["s3"]["object"]["eTag"] = 7
    assert list(log_objects(json.dumps(notification))) == [LogObject(BUCKET, KEY)]


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        pytest.param("a+b", "a b", id="a plus is a blank"),
        pytest.param("a%2Bb", "a+b", id="an encoded plus is a plus"),
        pytest.param("team%3Dsearch", "team=search", id="an encoded equals sign"),
        pytest.param("100%25", "100%", id="an encoded per cent sign"),
        pytest.param("Zo%C3%AB", "Zoë", id="an encoded letter"),
        pytest.param("100%", "100%", id="a per cent sign that encodes nothing"),
    ],
)
def test_only_s3s_own_notifications_encode_keys(encoded: str, key: str) -> None:
    notification = notified(KEY).replace(KEY, f"{encoded}/{KEY}")
    assert list(log_objects(notification)) == [LogObject(BUCKET, f"{key}/{KEY}")]
    assert list(log_objects(created(f"{encoded}/{KEY}"))) == [
        LogObject(BUCKET, f"{encoded}/{KEY}", ETAG)
    ]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param(f"{FOLDER}/data/req-1_input.json.gz", "body_object", id="an input"),
        pytest.param(f"{FOLDER}/data/req-1_output.json.gz", "body_object", id="an output"),
        pytest.param(f"p/{FOLDER}/data/req-1_input_media_00.pdf", "body_object", id="media"),
        pytest.param(f"{LOGS}/eu-west-1/data/x.json.gz", "body_object", id="a body without an hour"),
        pytest.param(f"{FOLDER}/data/more/x.json.gz", "body_object", id="a body in a deeper folder"),
        pytest.param(
            f"{LOGS}/amazon-bedrock-logs-permission-check", "permission_check", id="a check"
        ),
        pytest.param(
            f"p/{FOLDER}/data/amazon-bedrock-logs-permission-check",
            "permission_check",
            id="a check of the folder of bodies",
        ),
        pytest.param(f"{FOLDER}/other/{NAME}", "foreign_object", id="another folder"),
        pytest.param(f"{FOLDER}/data.json", "foreign_object", id="no gzip"),
        pytest.param(f"{FOLDER}/", "foreign_object", id="a folder"),
        pytest.param(f"{LOGS}/eu-west-1/2026/03/02/{NAME}", "foreign_object", id="no hour"),
        pytest.param(KEY.replace("111122223333", "1111"), "foreign_object", id="no account"),
        pytest.param(KEY.replace("Bedrock", "Other"), "foreign_object", id="another service's log"),
        pytest.param(f"x{KEY}", "foreign_object", id="a name that only ends like ours"),
        pytest.param("photo.json.gz", "foreign_object", id="anything else"),
        pytest.param("", "foreign_object", id="no name"),
    ],
)  # fmt: skip
def test_what_is_no_log_is_skipped_for_a_reason(key: str, reason: str) -> None:
    assert reasons(created(key)) == reasons(notified(key)) == [f"Skipped: {reason}"]


def test_an_object_that_s3_calls_empty_is_skipped() -> None:
    assert reasons(created(KEY, size=0)) == reasons(notified(KEY, size=0)) == [
        "Skipped: empty_object"
    ]  # fmt: skip


def test_an_object_of_unknown_size_is_read() -> None:
    event = object_created(KEY, AT)
    del event["detail"]["object"]["size"]
    assert reasons(json.dumps(event)) == [KEY]


def test_each_object_of_a_notification_is_told_by_itself() -> None:
    message = s3_notification([KEY, f"{FOLDER}/data/x.json.gz", f"p/{KEY}"], AT)
    message["Records"][1:1] = ["no object", {"eventName": "ObjectCreated:Put"}]
    assert reasons(json.dumps(message)) == [
        KEY, "Skipped: foreign_event", "Rejected: wrong_shape", "Skipped: body_object", f"p/{KEY}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "is_new"),
    [
        ("ObjectCreated:Put", True),
        ("ObjectCreated:CompleteMultipartUpload", True),
        ("ObjectCreated:Copy", True),
        ("ObjectRemoved:Delete", False),
        ("LifecycleExpiration:Delete", False),
        ("ObjectTagging:Put", False),
        (None, False),
        (["ObjectCreated:Put"], False),
    ],
)
def test_only_new_objects_are_read(name: Any, *, is_new: bool) -> None:
    message = s3_notification([KEY], AT)
    message["Records"][0]["eventName"] = name
    assert reasons(json.dumps(message)) == [KEY if is_new else "Skipped: foreign_event"]


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param('{"Event": "s3:TestEvent"}', "Skipped: test_event", id="S3's test"),
        pytest.param(
            json.dumps({**object_created(KEY, AT), "detail-type": "Object Deleted"}),
            "Skipped: foreign_event",
            id="an event of another kind",
        ),
        pytest.param("{}", "Skipped: foreign_event", id="nothing"),
        pytest.param('{"Records": []}', "Skipped: foreign_event", id="no record"),
        pytest.param('{"Records": {"s3": {}}}', "Skipped: foreign_event", id="records in no list"),
        pytest.param('{"detail-type": "Object Created"}', "Rejected: wrong_shape", id="no detail"),
        pytest.param("", "Rejected: not_an_object", id="no text"),
        pytest.param("{", "Rejected: not_an_object", id="half a text"),
        pytest.param("no JSON", "Rejected: not_an_object", id="no JSON"),
        pytest.param("[]", "Rejected: not_an_object", id="a list"),
        pytest.param("null", "Rejected: not_an_object", id="null"),
        pytest.param('"text"', "Rejected: not_an_object", id="a text"),
        pytest.param(deep(100_000), "Rejected: not_an_object", id="100,000 levels"),
    ],
)  # fmt: skip
def test_a_message_without_an_object_is_still_counted(body: str, reason: str) -> None:
    assert reasons(body) == [reason]


@pytest.mark.parametrize("place", ['"detail-type": %s', '"Records": [{"eventName": %s}]'])
def test_no_number_of_levels_is_one_too_many(place: str) -> None:
    # About where parsers and printers give up, each at a depth of its own.
    for levels in (1, 300, *range(850, 1050, 7), 5000):
        (found,) = log_objects("{" + place % deep(levels) + "}")
        assert isinstance(found, Skipped | Rejected)


@pytest.mark.parametrize("odd", [None, 7, True, "text", [], {}, [[]], {"name": {}}, {"key": []}])
@pytest.mark.parametrize(
    "place", [("bucket",), ("bucket", "name"), ("object",), ("object", "key"), ()]
)
def test_a_wrong_type_anywhere_is_a_value(place: tuple[str, ...], odd: Any) -> None:
    event = object_created(KEY, AT)
    holder: Any = event
    *above, last = ("detail", *place)
    for name in above:
        holder = holder[name]
    holder[last] = odd
    (found,) = log_objects(json.dumps(event))
    if place in {("bucket", "name"), ("object", "key")} and odd == "text":
        assert isinstance(found, LogObject | Skipped)
    else:
        assert found == Rejected("wrong_shape", "a message about new objects")


def test_half_an_emoji_in_a_key_does_no_harm() -> None:
    (found,) = log_objects(created(f"\ud83d/{KEY}"))
    assert found == LogObject(BUCKET, f"?/{KEY}", ETAG)


def test_what_is_shown_of_a_key_is_one_short_line() -> None:
    (found,) = log_objects(created(f"{'x' * 400}\n\u202e"))
    assert isinstance(found, Skipped)
    assert found.where.isprintable()
    assert len(found.where) <= 300


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just(KEY),
    lambda nodes: (
        st.lists(nodes, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "s3", "detail", "detail-type", "bucket", "object", "name", "key",
                 "size", "Event", "eventName"]
            ),
            nodes | st.sampled_from(["Object Created", "ObjectCreated:Put", "s3:TestEvent"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(body=st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_any_text_becomes_values(body: str) -> None:
    assert len(list(log_objects(body))) == 1


@given(message=JSON)
def test_any_json_becomes_values(message: Any) -> None:
    found = list(log_objects(json.dumps(message)))
    assert found
    assert all(isinstance(item, LogObject | Skipped | Rejected) for item in found)


@given(prefix=st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])))
def test_any_prefix_survives_its_encoding(prefix: str) -> None:
    key = f"{prefix}/{KEY}"
    message = s3_notification([KEY], AT)
    message["Records"][0]["s3"]["object"]["key"] = quote_plus(key, safe="/")
    assert reasons(json.dumps(message)) == reasons(created(key))
