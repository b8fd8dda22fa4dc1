"""A private RabbitMQ of Debian's package: own node, own cookie, loopback only, no service."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploy.local.passwords import Passwords
from deploy.local.places import Place, write_private
from deploy.local.ports import HOST, Ports
from deploy.local.program import Program

if TYPE_CHECKING:
    from pathlib import Path


SERVER: Final = "/usr/lib/rabbitmq/bin/rabbitmq-server"
VHOST: Final = "danzheng"
ADMINISTRATOR: Final = "administrator"
OPERATOR: Final = "operator"
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024  # the largest order: 50 snapshots of 50 goods lines
_TOPOLOGY: Final = (
    r"^(danzheng\.|nameko-rpc|rpc|retry\.|unheard|customs\.|[a-z]+\.(inbox|bulk|parked|live))"
)
_DEFAULT_EXCHANGE: Final = r"amq\.default$"
_ALSO_HEARS: Final = {"query": r"customs\."}


@dataclass(frozen=True)
class RabbitMQ:
    """The broker of one running system."""

    place: Place
    ports: Ports
    passwords: Passwords
    users: tuple[str, ...]

    def prepare(self) -> None:
        """Write what the broker reads when it starts."""
        home = self._home()
        home.mkdir(parents=True, exist_ok=True)
        self._write_cookie(home / ".erlang.cookie")
        (home / "enabled_plugins").write_text("[rabbitmq_management].\n")
        write_private(home / "definitions.json", json.dumps(self._definitions(), indent=1))
        (home / "rabbitmq.conf").write_text(self._configuration())

    def programs(self) -> tuple[Program, ...]:
        """The port mapper and the broker; the first must answer before the second starts."""
        epmd = Program(
            name="epmd",
            kind="epmd",
            command=("/usr/bin/epmd", "-port", str(self.ports["epmd"]), "-address", HOST),
            port=self.ports["epmd"],
            start_retries=20,
            stop_wait_s=5,
        )
        broker = Program(
            name="rabbitmq",
            kind="rabbitmq",
            command=(SERVER,),
            environment=self._environment(),
            port=self.ports["rabbitmq"],
            start_retries=20,
        )
        return epmd, broker

    def uri(self, user: str) -> str:
        """AMQP address of the system's vhost for `user`."""
        password = self.passwords[f"amqp:{user}"]
        return f"amqp://{user}:{password}@{HOST}:{self.ports['rabbitmq']}/{VHOST}"

    def management_url(self) -> str:
        """Address of the management API with the administrator's login."""
        password = self.passwords[f"amqp:{ADMINISTRATOR}"]
        return f"http://{ADMINISTRATOR}:{password}@{HOST}:{self.ports['rabbitmq-management']}"

    def _home(self) -> Path:
        return self.place.folder / "rabbitmq"

    def _environment(self) -> dict[str, str]:
        home = self._home()
        return {
            "HOME": str(home),
            "RUNNING_UNDER_SYSTEMD": "true",  # the broker itself is the child, no shell before it
            "RABBITMQ_NODENAME": f"danzheng-{self.ports.base}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.ports["rabbitmq"]),
            "RABBITMQ_DIST_PORT": str(self.ports["rabbitmq-distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.ports["epmd"]),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_MNESIA_BASE": str(home / "db"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # the machine's own settings are not ours
        }

    def _configuration(self) -> str:
        return "\n".join(
            [
                f"listeners.tcp.1 = {HOST}:{self.ports['rabbitmq']}",
                f"management.tcp.ip = {HOST}",
                f"management.tcp.port = {self.ports['rabbitmq-management']}",
                f"load_definitions = {self._home() / 'definitions.json'}",
                f"max_message_size = {MAX_MESSAGE_BYTES}",
                "loopback_users = none",
                "log.console.level = warning",
                "vm_memory_high_watermark.absolute = 2GB",
                "",
            ]
        )

    def _definitions(self) -> dict[str, object]:
        users = [self._user(name, []) for name in self.users]
        users.append(self._user(OPERATOR, ["monitoring"]))
        users.append(self._user(ADMINISTRATOR, ["administrator"]))
        permissions = [_service_permission(name) for name in self.users]
        permissions += [_full_permission(name) for name in (OPERATOR, ADMINISTRATOR)]
        return {"users": users, "vhosts": [{"name": VHOST}], "permissions": permissions}

    def _user(self, name: str, tags: list[str]) -> dict[str, object]:
        return {
            "name": name,
            "password_hash": _hash(self.passwords[f"amqp:{name}"]),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": tags,
        }

    def _write_cookie(self, path: Path) -> None:
        if not path.exists():
            write_private(path, secrets.token_hex(20))
            path.chmod(0o400)


def _service_permission(name: str) -> dict[str, str]:
    """A service declares what all declare, and reads nobody's queues but its own."""
    own = [r"danzheng\.", "nameko-rpc$", rf"rpc-{name}$", r"rpc\.reply", rf"{name}\."]
    own += [_ALSO_HEARS[name]] if name in _ALSO_HEARS else []
    return {
        "user": name,
        "vhost": VHOST,
        "configure": _TOPOLOGY,
        "write": f"{_TOPOLOGY}|{_DEFAULT_EXCHANGE}",
        "read": f"^({'|'.join(own)})",
    }


def _full_permission(name: str) -> dict[str, str]:
    return {"user": name, "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"}


def _hash(password: str) -> str:
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()
