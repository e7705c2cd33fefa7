"""Records of requests: lines that AWS's readers and `esaws routes --replay` understand, and files in S3."""

import asyncio
import gzip
from datetime import UTC, datetime
from typing import Any

from esaws.data_plane.load_balancer import AccessLogWriter
from esaws.inspect.routing.access_log import read_access_logs, split_fields
from esaws.inspect.routing.replay import replay
from tests.data_plane.load_balancer_world import ALB, DNS_NAME, Described, forward, group_arn, site
from tests.data_plane.test_load_balancer import path

TEA = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "tea"}}]
NOW = datetime(2022, 3, 19, 23, 58, tzinfo=UTC)


def shop() -> Described:
    described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
    return described.rule("7", TEA, path("/tea*"))


def test_lines_have_the_fields_of_aws() -> None:
    async def scenario() -> None:
        async with site(shop(), now=lambda: NOW) as running:
            await running.get("/a?b=c", headers={"Host": DNS_NAME, "User-Agent": 'curl "8"'})
            await running.get("/tea")
            first, second = (split_fields(record.log_line()) for record in running.records)
        assert first and second and len(first) == len(second) == 29
        assert first[:3] == ["http", "2022-03-19T23:58:00.000000Z", "app/shop/50dc6c495c0c9188"]
        assert first[3].startswith("203.0.113.80:") and first[4] == "10.80.0.20:8000"
        assert all(0 <= float(seconds) < 5 for seconds in first[5:8])
        assert first[8:10] == ["200", "200"] and int(first[10]) > 50 and int(first[11]) > 100
        assert first[12:14] == [f"GET http://{DNS_NAME}:80/a?b=c HTTP/1.1", 'curl "8"']
        assert first[16] == group_arn("web") and first[17].startswith("Root=1-")
        assert first[20] == "0" and first[22] == "forward" and first[25:27] == ["10.80.0.20:8000", "200"]
        assert second[4:10] == ["-", "-1", "-1", "-1", "418", "-"]
        assert second[16] == "-" and second[20] == "7" and second[22] == "fixed-response"

    asyncio.run(scenario())


def test_a_replay_finds_the_rules_that_the_load_balancer_took() -> None:
    async def scenario() -> None:
        described = shop()
        async with site(described) as running:
            for where in ("/", "/tea", "/tea/pot", "/a%2Fb"):
                await running.get(where)
            await running.client.request("TRACE", running.url())
            lines = "".join(f"{record.log_line()}\n" for record in running.records)
        log = read_access_logs([("log", lines.encode())])
        result = replay(described.account(), log)
        assert result.malformed == ()
        rows = result.rules.set_index("priority")
        assert rows.logged.to_dict() == {"7": 2, "default": 2} and rows.live.to_dict() == {"7": 2, "default": 2}

    asyncio.run(scenario())


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def client(self, service: str) -> "FakeS3":
        assert service == "s3"
        return self

    account, region = "123456789012", "eu-west-3"

    def put_object(self, **call: Any) -> None:
        self.objects[f"{call['Bucket']}/{call['Key']}"] = call["Body"]


def test_files_are_written_where_the_attributes_say() -> None:
    async def scenario() -> None:
        described, cloud = shop(), FakeS3()
        async with site(described, now=lambda: NOW) as running:
            writer = AccessLogWriter(cloud, running.proxy)  # type: ignore[arg-type]
            await running.get()
            writer.add(running.records[-1])
            assert await writer.publish() == [] and not cloud.objects
            for key, value in (("enabled", "true"), ("bucket", "logs"), ("prefix", "shop")):
                described.attribute(f"access_logs.s3.{key}", value)
            await running.update()
            for zone in ("eu-west-3a", "eu-west-3b"):
                await running.get(zone=zone)
                writer.add(running.records[-1])
            keys = await writer.publish()
            assert await writer.publish() == []
        assert len(keys) == 2 and set(cloud.objects) == {f"logs/{key}" for key in keys}
        folder, _, name = keys[0].rpartition("/")
        assert folder == "shop/AWSLogs/123456789012/elasticloadbalancing/eu-west-3/2022/03/19"
        start = "123456789012_elasticloadbalancing_eu-west-3_app.shop.50dc6c495c0c9188_20220319T2358Z_10.80.0.10_"
        assert name.startswith(start) and name.endswith(".log.gz")
        assert gzip.decompress(cloud.objects[f"logs/{keys[0]}"]).decode().count("\n") == 1
        assert ALB.endswith("/shop/50dc6c495c0c9188")

    asyncio.run(scenario())
