"""A private SeaweedFS with an S3 door: own folder, loopback only, an identity for each reader.

Render writes, the gateway reads, retention lists and deletes; nobody without a key sees anything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from deploy.local.passwords import Passwords
from deploy.local.places import VENV, Place, write_private
from deploy.local.ports import HOST, Ports
from deploy.local.program import Program

BUCKET: Final = "danzheng"
ADMINISTRATOR: Final = "administrator"
_STOP_WAIT_S: Final = 3  # it closes its volumes at once and then stays; measured: 15 s and no end
NET_DAYS: Final = 45  # longer than any month: the net below retention, never its replacement
_SOCKETS: Final = {
    "master": "seaweedfs-master-grpc",
    "volume": "seaweedfs-volume-grpc",
    "filer": "seaweedfs-filer-grpc",
    "s3": "seaweedfs-grpc",
}
RIGHTS: Final = {
    ADMINISTRATOR: ("Admin", "Read", "Write", "List", "Tagging"),
    "render": (f"Read:{BUCKET}", f"Write:{BUCKET}", f"List:{BUCKET}"),
    "gateway": (f"Read:{BUCKET}",),
    "retention": (f"Read:{BUCKET}", f"Write:{BUCKET}", f"List:{BUCKET}"),
}


@dataclass(frozen=True)
class SeaweedFS:
    """The object store of one running system."""

    place: Place
    ports: Ports
    passwords: Passwords

    def prepare(self) -> None:
        """Write the identities, and make the data folder."""
        self._home().joinpath("data").mkdir(parents=True, exist_ok=True)
        self._home().chmod(0o700)  # it keeps companies' files as they are
        self._home().joinpath("log").mkdir(exist_ok=True)
        write_private(self._home() / "identities.json", json.dumps(self._identities(), indent=1))

    def programs(self) -> tuple[Program, ...]:
        """One process with all four roles of the store."""
        home, ports = self._home(), self.ports
        return (
            Program(
                name="seaweedfs",
                kind="store",
                command=(
                    str(VENV / "bin" / "weed"),
                    f"-logdir={home / 'log'}",
                    "server",
                    f"-dir={home / 'data'}",
                    f"-ip={HOST}",
                    f"-ip.bind={HOST}",
                    f"-master.port={ports['seaweedfs-master']}",
                    f"-master.port.grpc={ports['seaweedfs-master-grpc']}",
                    "-master.volumeSizeLimitMB=256",
                    "-master.telemetry=false",
                    "-master.electionTimeout=1s",
                    f"-volume.port={ports['seaweedfs-volume']}",
                    f"-volume.port.grpc={ports['seaweedfs-volume-grpc']}",
                    "-volume.max=60",
                    "-volume.preStopSeconds=0",
                    "-filer",
                    f"-filer.localSocket={home / 'filer.sock'}",
                    f"-filer.port={ports['seaweedfs-filer']}",
                    f"-filer.port.grpc={ports['seaweedfs-filer-grpc']}",
                    "-s3",
                    f"-s3.localSocket={home / 's3.sock'}",
                    f"-s3.port={ports['seaweedfs']}",
                    f"-s3.port.grpc={ports['seaweedfs-grpc']}",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    f"-s3.config={home / 'identities.json'}",
                ),
                port=ports["seaweedfs"],
                start_retries=20,
                stop_wait_s=_STOP_WAIT_S,
            ),
        )

    def tidy(self) -> None:
        """Remove the sockets it leaves in the machine's folder for passing files."""
        for role, port in _SOCKETS.items():
            left = f"/tmp/seaweedfs-{role}-grpc-{self.ports[port]}.sock"  # noqa: S108  its own choice
            Path(left).unlink(missing_ok=True)

    def endpoint_url(self) -> str:
        """Address of the S3 door."""
        return f"http://{HOST}:{self.ports['seaweedfs']}"

    def keys(self, identity: str) -> tuple[str, str]:
        """Access key and secret of `identity`."""
        return f"danzheng-{identity}", self.passwords[f"s3:{identity}"]

    def _home(self) -> Path:
        return self.place.folder / "seaweedfs"

    def _identities(self) -> dict[str, object]:
        return {"identities": [self._identity(name, rights) for name, rights in RIGHTS.items()]}

    def _identity(self, name: str, rights: tuple[str, ...]) -> dict[str, object]:
        access, secret = self.keys(name)
        credentials = [{"accessKey": access, "secretKey": secret}]
        return {"name": name, "credentials": credentials, "actions": list(rights)}


def furnish(endpoint_url: str, keys: tuple[str, str], bucket: str) -> None:
    """Make the bucket where it is missing, and lay the net of 45 days below it."""
    client = s3_client(endpoint_url, keys)
    try:
        _make_bucket(client, bucket)
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": _lifecycle()}
        )
    finally:
        client.close()


def s3_client(endpoint_url: str, keys: tuple[str, str]) -> Any:
    """A client of the store for `keys`."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 5}, connect_timeout=5, read_timeout=20),
    )


def _make_bucket(client: Any, bucket: str) -> None:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as refusal:
        if refusal.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        client.create_bucket(Bucket=bucket)


def _lifecycle() -> list[dict[str, object]]:
    return [
        {
            "ID": f"{prefix}-net",
            "Status": "Enabled",
            "Filter": {"Prefix": f"{prefix}/"},
            "Expiration": {"Days": NET_DAYS},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
        for prefix in ("documents", "exports", "bundles")
    ]
