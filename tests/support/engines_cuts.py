"""Cuts that the broker itself makes."""

from __future__ import annotations

import time
import urllib.parse
from typing import TYPE_CHECKING

from tests.support.engines import manage

if TYPE_CHECKING:
    from tests.support.engines import Engines

_LIST_LAG_S = 10.0  # the broker's list of connections lags behind by some seconds


def cut_connections(engines: Engines, amqp_uri: str, purpose: str) -> None:
    """Close the connections of a purpose to a virtual host, from the broker's side."""
    vhost = amqp_uri.rpartition("/")[2]
    end = time.monotonic() + _LIST_LAG_S
    while not (names := _names(engines, vhost, purpose)):
        assert time.monotonic() < end, f"no connection for {purpose}"
        time.sleep(0.1)
    for name in names:
        manage(engines, "DELETE", "/api/connections/" + urllib.parse.quote(name, safe=""))


def _names(engines: Engines, vhost: str, purpose: str) -> list[str]:
    return [
        each["name"]
        for each in manage(engines, "GET", "/api/connections")
        if each.get("vhost") == vhost
        and each.get("client_properties", {}).get("connection_name") == f"danzheng.{purpose}"
    ]
