"""Posting to any https host that somebody named, without being led into a private network.

The name is resolved once; every address found has to be a public one, and the connection goes to
the very address that was looked at: a name that answers differently a moment later changes
nothing. The certificate has to be that of the name.
"""

import ipaddress
import socket
from collections.abc import Mapping
from typing import Final, TypeAlias

import urllib3

from bedrock_alerts.adapters.http import (
    TIMEOUT,
    Target,
    hush,
    is_own_machine,
    judge,
    no_answer,
    read_url,
)
from bedrock_alerts.errors import PermanentError, TransientError

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_HTTPS: Final = 443
# An IPv4 address in an IPv6 one, as networks without IPv4 write it (RFC 6052).
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class PublicPoster:
    """Posts to public hosts; `allow_loopback` adds plain http to this machine."""

    def __init__(self, *, allow_loopback: bool = False, timeout: urllib3.Timeout = TIMEOUT) -> None:
        hush()
        self._allow_loopback = allow_loopback
        self._timeout = timeout

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send `body` once. Returns only when the other side has accepted it.

        Raises TransientError (a name that is not found, time-outs, connection errors, 429, 5xx) or
        PermanentError (all else: a refused URL or address, a redirect, a 4xx).
        """
        target = read_url(url)
        pool = self._pool(target)
        failure: TransientError | PermanentError | None
        try:
            response = pool.urlopen(
                "POST",
                target.path,
                body=body,
                headers={**headers, "Host": _authority(target)},
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            failure = no_answer(target.host, error)
        else:
            failure = judge(target.host, url, response)
        finally:
            pool.close()
        if failure is not None:
            raise failure

    def _pool(self, target: Target) -> urllib3.HTTPConnectionPool:
        if self._allow_loopback and is_own_machine(target):
            return urllib3.HTTPConnectionPool(
                target.host, target.port, timeout=self._timeout, retries=False
            )
        if target.scheme != "https" or not target.host or target.has_user:
            raise PermanentError("the webhook URL has to be https://HOST/…, without user")
        port = target.port or _HTTPS
        return urllib3.HTTPSConnectionPool(
            public_address(target.host, port),
            port,
            timeout=self._timeout,
            retries=False,
            server_hostname=target.host,
            assert_hostname=target.host,
        )


def public_address(host: str, port: int) -> str:
    """Resolve `host` and return an address to connect to.

    Raises PermanentError when one of its addresses is no public one, TransientError when there is
    none.
    """
    failure: TransientError | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        found = []
        failure = no_answer(host, error)
    if failure is not None:
        raise failure
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise TransientError(f"no address is known of {host}")
    if not all(map(is_public, addresses)):
        raise PermanentError(f"{host} leads to an address that is not public: it is not called")
    return addresses[0]


def is_public(text: str) -> bool:
    """Tell whether an address belongs to the internet.

    This machine, private networks and the metadata services of clouds do not, and neither do their
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


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port is None else f"{host}:{target.port}"
