"""The ports of one running system: small offsets from one number, all on 127.0.0.1."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"
DEFAULT_BASE: Final = 8000
SPAN: Final = 40  # what one system may take; two systems keep at least this far apart

_OFFSETS: Final = {
    "gateway": 0,
    # management ports of the processes
    "auth": 1,
    "query": 2,
    "apply": 3,
    "render-1": 4,
    "render-2": 5,
    "retention": 6,
    "gateway-management": 7,
    # the real parts
    "postgres": 10,
    "rabbitmq": 11,
    "rabbitmq-management": 12,
    "rabbitmq-distribution": 13,
    "epmd": 14,
    "supervisor": 15,
    "seaweedfs": 20,
    "seaweedfs-master": 21,
    "seaweedfs-volume": 22,
    "seaweedfs-filer": 23,
    "seaweedfs-grpc": 24,
    "seaweedfs-master-grpc": 25,
    "seaweedfs-volume-grpc": 26,
    "seaweedfs-filer-grpc": 27,
}


@dataclass(frozen=True)
class Ports:
    """The ports that follow from `base`."""

    base: int

    def __getitem__(self, name: str) -> int:
        return self.base + _OFFSETS[name]

    def taken(self) -> dict[str, int]:
        """Which of the ports another program holds."""
        return {name: self[name] for name in _OFFSETS if answers(self[name])}


def wanted_ports() -> Ports:
    """The ports from `PORT_BASE`."""
    return Ports(int(os.environ.get("PORT_BASE") or DEFAULT_BASE))


def answers(port: int) -> bool:
    """Whether something accepts connections on `port`."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
