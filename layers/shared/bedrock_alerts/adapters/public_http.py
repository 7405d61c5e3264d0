"""Posts to any https host, but never into a private network.

The name is resolved once, every address found must be public, and the connection goes to a checked
address: a later change of the name has no effect. The certificate must be that of the name.
"""

import ipaddress
import socket
from collections.abc import Mapping
from functools import partial
from typing import Final, TypeAlias

from bedrock_alerts.adapters.exchange import SECONDS, Client, Target
from bedrock_alerts.adapters.http import is_own_machine, judge, read_url
from bedrock_alerts.errors import PermanentError, TransientError

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_HTTPS: Final = 443
_MAX_ANSWER_BYTES: Final = 4096
# An IPv4 address inside an IPv6 one, for networks without IPv4 (RFC 6052).
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class PublicPoster:
    """Posts to public hosts; `allow_loopback` also allows plain http to this machine."""

    def __init__(self, *, allow_loopback: bool = False) -> None:
        self._allow_loopback = allow_loopback
        self._client = Client()

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS
    ) -> None:
        """Send `body` once. Returns only if the server accepts it within `seconds`.

        Raises TransientError when it was certainly not accepted (a name that is not found, no
        connection, 429), UnknownOutcomeError when it perhaps was (time-outs, broken connections,
        5xx), and PermanentError for all else: a refused URL or address, a redirect, a 4xx.
        """
        target = read_url(url)
        is_here = self._allow_loopback and is_own_machine(target)
        if not is_here and (target.scheme != "https" or not target.host or target.has_user):
            raise PermanentError("the webhook URL must be https://HOST/…, without user")
        response = self._client.post(
            target,
            body,
            headers,
            seconds=seconds,
            max_bytes=_MAX_ANSWER_BYTES,
            resolve=None if is_here else partial(public_address, target),
        )
        judge(target.host, url, response)


def public_address(target: Target) -> str:
    """Resolve a target's host and return an address to connect to.

    Raises PermanentError if one of its addresses is not public, TransientError if there is none.
    """
    host, kind = target.host, ""
    try:
        found = socket.getaddrinfo(host, target.port or _HTTPS, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        kind = type(error).__name__
    if kind:  # raised here, so that the library's error is not its context
        raise TransientError(f"no response from {host}: {kind}")
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise TransientError(f"no address found for {host}")
    if not all(map(is_public, addresses)):
        raise PermanentError(f"{host} resolves to an address that is not public; it is not called")
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether an address is on the public internet.

    This machine, private networks and the metadata services of clouds are not, even with their
    addresses inside an IPv6 one.
    """
    try:
        address: _Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast
