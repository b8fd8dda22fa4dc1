"""Connections to RabbitMQ, by py-amqp: green where nameko hosts, plain threads elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote, urlsplit

import amqp
from amqp import spec
from amqp.exceptions import AMQPError

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_LIMIT_S = 5.0
TROUBLE = (AMQPError, OSError)  # what a dead or refusing broker shows itself as
_REPLY_SUCCESS = 200

CONSUMER_HEARTBEAT_S = 20  # shorter ones cut idle consumers by mistake on a busy machine
PUBLISHER_HEARTBEAT_S = 0  # nobody ticks an idle publisher; deadlines on confirms find the dead


@dataclass(frozen=True)
class Address:
    """Where a broker is; the parts of `amqp://user:password@host:port/vhost`."""

    host: str
    port: int
    user: str
    password: str
    vhost: str
    tls: bool

    @classmethod
    def parse(cls, uri: str) -> Address:
        """The parts of `uri`; an empty path is the virtual host `/`."""
        parts = urlsplit(uri)
        tls = parts.scheme == "amqps"
        return cls(
            host=parts.hostname or "localhost",
            port=parts.port or (5671 if tls else 5672),
            user=unquote(parts.username or "guest"),
            password=unquote(parts.password or "guest"),
            vhost=unquote(parts.path[1:]) or "/",
            tls=tls,
        )

    def __repr__(self) -> str:
        """The address without its password."""
        return f"amqp://{self.user}@{self.host}:{self.port}/{self.vhost}"


class _SharedConnection(amqp.Connection):
    """A connection on which publishing never reads: another thread does."""

    # py-amqp reads before each publish when it may be told of a blocked connection
    negotiate_capabilities: ClassVar[dict[str, bool]] = {
        "consumer_cancel_notify": True,
        "connection.blocked": False,
        "authentication_failure_close": True,
    }


def connect(
    amqp_uri: str,
    *,
    purpose: str,
    heartbeat_s: int = PUBLISHER_HEARTBEAT_S,
    shared: bool = False,
    on_blocked: Callable[[str], None] | None = None,
    on_unblocked: Callable[[], None] | None = None,
) -> amqp.Connection:
    """An open connection; `purpose` is the name under which the broker lists it.

    `shared` connections are read by one thread and written by others. Raises one of `TROUBLE`
    within five seconds when there is no broker.
    """
    at = Address.parse(amqp_uri)
    connection = (_SharedConnection if shared else amqp.Connection)(
        f"{at.host}:{at.port}",
        userid=at.user,
        password=at.password,
        login_method="PLAIN",
        virtual_host=at.vhost,
        ssl=at.tls,
        heartbeat=heartbeat_s,
        connect_timeout=CONNECT_LIMIT_S,
        client_properties={"connection_name": f"danzheng.{purpose}"},
        on_blocked=on_blocked,
        on_unblocked=on_unblocked,
    )
    connection.connect()
    return connection


def say_goodbye(connection: amqp.Connection) -> None:
    """Tell the broker to close; whoever reads the connection meets the end of it."""
    if connection.connected:
        connection.send_method(spec.Connection.Close, "BsBB", (_REPLY_SUCCESS, "", 0, 0))


def hang_up(connection: amqp.Connection | None) -> None:
    """Close a connection without waiting for a broker that may be gone."""
    if connection is None:
        return
    try:
        say_goodbye(connection)
    except TROUBLE:
        return  # the peer is gone, which is what closing is for
    finally:
        connection.collect()
