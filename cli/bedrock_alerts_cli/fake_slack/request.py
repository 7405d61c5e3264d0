"""A request and its answer, as the receiver's endpoints see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http import HTTPStatus

JSON: Final = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What an endpoint may know of an HTTP request."""

    path: str
    body: bytes
    if_none_match: str | None
    authorization: str | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What an endpoint answers."""

    status: HTTPStatus
    body: str
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
