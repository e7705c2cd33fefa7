"""The Application Load Balancer as a proxy that decides as `esaws trace` does.

    proxy = LoadBalancerProxy(arn, Addresses(), on_request=note, now=clock, seconds=1.0)
    writer = AccessLogWriter(cloud, proxy)
    logging = asyncio.create_task(writer.run())  # a file every five minutes, and the last ones when it is cancelled
    await proxy.update(snapshot(cloud, *KEYS))  # listens, and follows every later snapshot
    proxy.listeners()  # [{name, port, host, local_port, tls, zone}]: where to connect
    await proxy.close()

    def note(record):  # called after each response
        writer.add(record)
        counts[record.target_group_arn, record.elb_status, record.target_status] += 1

A target is expected where `addresses.place(private address, port)` says. A `RequestRecord` has what a line of the
access log (`record.log_line()`) and CloudWatch's counts need. `docs/load_balancer.md` says what the proxy does as AWS,
and what it leaves out.
"""

from esaws.data_plane.load_balancer.access_log_writer import AccessLogWriter
from esaws.data_plane.load_balancer.arrival import INTERNET_CLIENT
from esaws.data_plane.load_balancer.configuration import KEYS
from esaws.data_plane.load_balancer.proxy import LoadBalancerProxy
from esaws.data_plane.load_balancer.request_record import RequestRecord

__all__ = ["INTERNET_CLIENT", "KEYS", "AccessLogWriter", "LoadBalancerProxy", "RequestRecord"]
