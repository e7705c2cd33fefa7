"""Access logs in S3: a file for each node and five minutes, where the load balancer's attributes ask for them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html#access-log-file-format
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import secrets
from collections import defaultdict
from datetime import datetime

from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud
from esaws.data_plane.load_balancer.proxy import LoadBalancerProxy
from esaws.data_plane.load_balancer.request_record import RequestRecord

INTERVAL = 300.0
"""Seconds between two files of a node."""

_MOST_LINES = 200_000
"""The lines of a node that wait for their file; later ones are lost, as AWS delivers logs on a best-effort basis."""

_logger = logging.getLogger(__name__)


class AccessLogWriter:
    """Collects the log lines of a load balancer and writes them to its bucket."""

    def __init__(self, cloud: Cloud, proxy: LoadBalancerProxy) -> None:
        self._cloud = cloud
        self._proxy = proxy
        self._lines: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, record: RequestRecord) -> None:
        """Note a request, if the attribute `access_logs.s3.enabled` is true."""
        configuration = self._proxy.configuration
        if configuration and configuration.is_on("access_logs.s3.enabled"):
            lines = self._lines[record.node]
            if len(lines) < _MOST_LINES:
                lines.append(record.log_line())

    async def run(self) -> None:
        """Write the files every five minutes until cancelled, and then the last ones."""
        try:
            while True:
                await asyncio.sleep(INTERVAL * self._proxy.seconds)
                await self.publish()
        except asyncio.CancelledError:
            await self.publish()
            raise

    async def publish(self) -> list[str]:
        """Write what was noted since the last files, and return the keys of the new objects.

        A bucket that refuses them costs the lines, as on AWS.
        """
        lines, self._lines = self._lines, defaultdict(list)
        if not lines or (configuration := self._proxy.configuration) is None:
            return []
        bucket = configuration.setting("access_logs.s3.bucket", "")
        prefix = configuration.setting("access_logs.s3.prefix", "")
        keys = []
        for node, own in lines.items():
            key = self._key(prefix, configuration.id, node, self._proxy.now())
            body = gzip.compress("".join(f"{line}\n" for line in own).encode())
            try:
                await asyncio.to_thread(self._cloud.client("s3").put_object, Bucket=bucket, Key=key, Body=body)
                keys.append(key)
            except CALL_ERRORS as error:
                _logger.warning("%s lines of the access log were not written to %s: %s", len(own), bucket, error)
        return keys

    def _key(self, prefix: str, load_balancer: str, node: str, end: datetime) -> str:
        account, region = self._cloud.account, self._cloud.region
        name = load_balancer.replace("/", ".")
        file = f"{account}_elasticloadbalancing_{region}_{name}_{end:%Y%m%dT%H%MZ}_{node}_{secrets.token_hex(4)}.log.gz"
        folder = f"AWSLogs/{account}/elasticloadbalancing/{region}/{end:%Y/%m/%d}"
        return f"{prefix}/{folder}/{file}" if prefix else f"{folder}/{file}"
