"""What the kernel's rules may load: no transport that patches, no framework."""

import subprocess
import sys

import pytest

_LOOK = """
import sys
import {module}
print(sorted({{name.partition(".")[0] for name in sys.modules}} & set({forbidden!r})))
"""
_HOSTED = ("eventlet", "nameko", "kombu")


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("services.kernel.contracts.events", (*_HOSTED, "pika", "amqp", "boto3", "sqlalchemy")),
        ("services.kernel.messaging.pika_consumer", _HOSTED),
        ("services.kernel.messaging.rpc_client", (*_HOSTED, "sqlalchemy")),
        ("services.kernel.messaging.live", (*_HOSTED, "sqlalchemy")),
        ("services.kernel.messaging.blocking_rpc", (*_HOSTED, "pika")),
        ("services.kernel.observability.health", (*_HOSTED, "pika", "amqp")),
        ("services.kernel.testing.memory_bus", (*_HOSTED, "pika")),
    ],
)
def test_a_module_brings_nothing_along(module, forbidden):
    look = _LOOK.format(module=module, forbidden=forbidden)

    found = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True
    ).stdout

    assert found.strip() == "[]"


def test_namekos_plugin_did_not_patch_this_run():
    import socket

    assert "eventlet" not in socket.socket.__module__
