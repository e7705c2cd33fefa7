"""The Application Load Balancer as an HTTP/1.1 proxy that decides as `esaws trace` does.

    proxy = LoadBalancerProxy(load_balancer_arn, Addresses(), on_request=records.append)
    await proxy.update(snapshot(cloud, *KEYS))  # listens, and follows every later snapshot
    proxy.listeners()  # [{name, port, host, local_port, tls, zone}]: where to connect
    await proxy.close()

A target is expected where `addresses.place(private address, port)` says. A `RequestRecord` of each request has what a
line of the access log (`record.log_line()`) and CloudWatch's counts need.
"""

from esaws.data_plane.load_balancer.access_log_writer import AccessLogWriter
from esaws.data_plane.load_balancer.configuration import KEYS
from esaws.data_plane.load_balancer.proxy import INTERNET_CLIENT, LoadBalancerProxy
from esaws.data_plane.load_balancer.request_record import RequestRecord

__all__ = ["INTERNET_CLIENT", "KEYS", "AccessLogWriter", "LoadBalancerProxy", "RequestRecord"]
