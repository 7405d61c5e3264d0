"""A request and its response, as the receiver's endpoints see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http import HTTPStatus

JSON: Final = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """The parts of an HTTP request for an endpoint."""

    path: str
    body: bytes
    if_none_match: str | None
    authorization: str | None = None
    query: str = ""
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """The response of an endpoint."""

    status: HTTPStatus
    body: str
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
