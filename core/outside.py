"""Addresses that somebody outside told us to call: what they may look like, and where their names may lead.

Whoever can make us call an address of the house's own network reads from it what is nobody's outside.
"""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

LONGEST_ADDRESS = 500
_ADDRESS_PARTS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?")
# Of the ports below the free ones HTTP has these; what else listens there is no web server, and not ours to ask.
_WEB_PORTS, _LOWEST_FREE = frozenset({None, 80, 443}), 1_024
# Names that lead nowhere outside: RFC 6761, 6762, 8375, and ICANN's for private use (clouds keep their secrets there).
_INSIDE = frozenset({"localhost", "local", "internal", "arpa"})
# An address of the second kind stands for one of the first that we do not see: 6to4, Teredo, NAT64.
_TUNNELS = tuple(ipaddress.ip_network(net) for net in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48"))


def address_fault(address: str, *, plain_http: bool = False) -> str | None:
    """Why `address` cannot be called; None where it is https, a host, a path, and nothing else."""
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "not-an-address"
    if parts.scheme not in ({"https", "http"} if plain_http else {"https"}):
        return "not-https"
    plain = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if parts.port not in _WEB_PORTS and (parts.port or 0) < _LOWEST_FREE:
        return "not-a-web-port"
    if not is_whole or address != plain or not _HOST.fullmatch(parts.netloc):
        return "not-an-address"
    if not set(parts.path) <= _ADDRESS_PARTS or ".." in parts.path or len(address) > LONGEST_ADDRESS:
        return "not-an-address"
    return None


def host_of(address: str) -> str:
    return (urlsplit(address).hostname or "").lower()


def leads_inside(host: str, private_hosts: Collection[str]) -> bool:
    """Whether `host` cannot be public as it is written: one label, a name kept for the inside, or a number that is no
    public IP address.

    What a name leads to is known only when it is called: `may_be_called`. The operator's own are let through.
    """
    if host.lower() in private_hosts:
        return False
    last = host.rstrip(".").rpartition(".")[2]
    # Systems read 127.1, 0x7f.1 and 2130706433 as addresses too; no name ends so (RFC 3696, 2).
    is_number = ":" in host or last.isdigit() or last.lower().startswith("0x")
    return not _is_public(host) if is_number else "." not in host.strip(".") or last.lower() in _INSIDE


def outside_fault(address: str, private_hosts: Collection[str]) -> str | None:
    """Why an address that a clinic told us cannot be called: without TLS only hosts that the operator named are."""
    try:
        host = host_of(address)
    except ValueError:
        return "not-an-address"
    fault = address_fault(address, plain_http=host in private_hosts)
    return fault or ("not-public" if leads_inside(host, private_hosts) else None)


def may_be_called(host: str, numbers: Collection[str], private_hosts: Collection[str]) -> bool:
    """Whether a host whose name leads to these IP addresses may be called.

    All of them must be public: of a private, loopback, link-local or reserved one nobody outside may make us ask.
    Hosts that the operator named are let through.
    """
    return host.lower() in private_hosts or (bool(numbers) and all(_is_public(each) for each in numbers))


def _is_public(number: str) -> bool:
    try:
        found = ipaddress.ip_address(number.partition("%")[0])
    except ValueError:
        return False
    inner = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    found = inner or found
    if found.is_multicast or found.is_reserved or any(found in net for net in _TUNNELS if net.version == found.version):
        return False
    # Python calls site-local addresses (RFC 3879: no longer given, still in use) global.
    return found.is_global and not (isinstance(found, ipaddress.IPv6Address) and found.is_site_local)
