"""Makes outside text harmless: no control or bidirectional characters, bounded, one line."""

import re
from typing import Final

ELLIPSIS: Final = "…"

# C0 and C1 controls, the Unicode line and paragraph separators, bidirectional marks, overrides and
# isolates, zero-width and other invisible characters (tags carry whole hidden sentences), lone
# surrogates (they cannot be encoded as UTF-8) and the BOM.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]+"
)
_NOT_DIMENSION: Final = re.compile(r"[^\x20-\x7e]+")


def clean(text: str, limit: int) -> str:
    """Return `text` on one line, without unsafe characters, cut to `limit` characters."""
    if not (text.isascii() and text.isprintable()):
        text = _UNSAFE.sub(" ", text)
    return shorten(text.strip(), limit)


def clean_lines(text: str, limit: int) -> str:
    """Like `clean`, but line breaks survive."""
    return shorten("\n".join(_UNSAFE.sub(" ", line).rstrip() for line in text.splitlines()), limit)


def shorten(text: str, limit: int) -> str:
    """Cut `text` to at most `limit` characters; a cut text ends with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def dimension_value(text: str, limit: int = 255) -> str:
    """Return `text` as a valid CloudWatch dimension value: printable ASCII, never blank.

    CloudWatch allows 1,024 characters; 255 is plenty for an id and keeps messages readable.
    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    """
    if not (text.isascii() and text.isprintable()):
        text = _NOT_DIMENSION.sub("?", text)
    text = text.strip()[:limit].rstrip()
    # Only names must not start with a colon, but such a value reads like one: keep it out.
    return text.lstrip(": ") or "unknown"
