"""An object store for tests: a server of its own that speaks S3, with one bucket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from loaders.postgres_server import free_port

BUCKET, PREFIX = "archive", "siseri"
KEYS = {"AWS_ACCESS_KEY_ID": "essai", "AWS_SECRET_ACCESS_KEY": "essai", "AWS_EC2_METADATA_DISABLED": "true"}


class Store:
    """``environment``: what a process is told to reach it; ``client``: how a test looks inside."""

    def __init__(self, server: ThreadedMotoServer) -> None:
        self.server = server
        host, port = server.get_host_and_port()
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        self._empty()
        self.client.create_bucket(Bucket=BUCKET)
        url = f"s3://{BUCKET}/{PREFIX}?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        self.environment = {**KEYS, "SISERI_ARCHIVE_URL": url}

    def _empty(self) -> None:
        """Servers of one process share what they hold."""
        with contextlib.suppress(self.client.exceptions.NoSuchBucket):
            for one in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
                self.client.delete_object(Bucket=BUCKET, Key=one["Key"])

    def keys(self) -> list[str]:
        """What lies there, by key."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX).get("Contents", [])
        return [one["Key"] for one in listed if not one["Key"].endswith("/")]


@contextmanager
def object_store() -> Iterator[Store]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    try:
        yield Store(server)
    finally:
        server.stop()
