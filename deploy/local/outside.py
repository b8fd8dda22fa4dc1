"""What clients from outside read: `.local/env` for shells and tools."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from deploy.local.engines import ROOMS
from deploy.local.places import write_private
from deploy.local.processes import metrics_names
from deploy.local.rabbitmq import OPERATOR
from deploy.local.seaweedfs import ADMINISTRATOR

if TYPE_CHECKING:
    from deploy.local.system import System


def write_env(system: System) -> None:
    """Write one `export` line for each thing a client needs; psql, aws and others take them."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in _facts(system).items()]
    write_private(system.place.path("env"), "\n".join(lines) + "\n")


def _facts(system: System) -> dict[str, str]:
    engines = system.engines
    access, secret = engines.s3_keys(ADMINISTRATOR)
    facts = {
        "GATEWAY_URL": system.processes.base_url,
        "DANZHENG_SANDBOX": str(system.place.path("sandbox.json")),
        "AMQP_URI": engines.amqp_uri(OPERATOR),
        "S3_ENDPOINT_URL": engines.s3_endpoint_url(),
        "AWS_ENDPOINT_URL_S3": engines.s3_endpoint_url(),
        "S3_BUCKET": engines.s3_bucket(),
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    if management := engines.amqp_management_url():
        facts["AMQP_MANAGEMENT_URL"] = management
    facts |= {f"DATABASE_URL_{room.upper()}": engines.database_url(room) for room in ROOMS}
    return facts | metrics_names(system.processes.programs())
