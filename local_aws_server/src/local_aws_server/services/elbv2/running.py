"""What the data plane should run of Elastic Load Balancing: load balancers, and health checks of processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.data_plane import desired, observer
from local_aws_server.services.elbv2 import probe_results, targets
from local_aws_server.services.elbv2.health_probe import HealthProbe
from local_aws_server.services.elbv2.lookup import find_target_group, load_balancers

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Where the services run (`--run`), the health of a target is what its process answers at each "
        "interval.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        statement="With `--run`, an active Application Load Balancer carries HTTP/1.1 and WebSockets to processes, and "
        "HTTP/2 and gRPC from clients of its HTTPS listeners: by its rules, weights, algorithm, stickiness, slow start "
        "and zones, where routes, groups and ACLs let packets pass, with AWS's headers, time-outs, error pages and "
        "access logs. A task that calls it has the address that AWS would see.",
        documentation=("https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html",),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="With `--run`: the metric of gRPC requests, methods that HTTP does not register, repeated Host "
        "headers, certificates of ACM, mutual TLS, users who sign in, targets that are functions or load balancers, "
        "anomaly mitigation, AWS WAF, listener attributes, and Network and Gateway Load Balancers.",
        documentation=("https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html",),
    ),
)


@desired("load_balancers", "elbv2")
def desired_load_balancers(backends: Backends) -> list[dict[str, Any]]:
    """Return {arn, name, dns_name} of each Application Load Balancer that is active."""
    return [
        {"arn": each.arn, "name": each.name, "dns_name": each.dns_name}
        for each in load_balancers(backends)
        if each.type == "application" and each.state == "active"
    ]


@desired("health_checks", "elbv2")
def desired_health_checks(backends: Backends) -> list[dict[str, Any]]:
    """Return the checks of targets whose containers are processes.

    Each is {target_group, id, port, task, address, check_port, protocol, version, path, interval, timeout}, with the
    times in seconds. A check is of one task: another one at the same target is checked anew.
    """
    groups = backends.backend("elbv2").target_groups.values()
    if not any(group.targets for group in groups):
        return []
    probe, checks = HealthProbe(backends), []
    for group in groups:
        if str(group.health_check_enabled).lower() == "false":
            continue
        settings = targets.HealthCheckSettings.of(group)
        for id, port in targets.list_targets(group):
            if (probed := probe.probed(group, (id, port))) is None:
                continue
            address, check_port, task = probed
            checks.append(
                {
                    "target_group": group.arn,
                    "id": id,
                    "port": port,
                    "task": task.task_arn,
                    "address": address,
                    "check_port": check_port,
                    "protocol": group.health_check_protocol,
                    "version": group.protocol_version or "HTTP1",
                    "path": group.health_check_path or "/",
                    "interval": settings.interval,
                    "timeout": settings.timeout,
                }
            )
    return checks


@observer("health_checks")
def observe_health_checks(backends: Backends, reports: Iterable[Mapping[str, Any]]) -> None:
    """Note results: {target_group, id, port, task} with {status, seconds} or {error: refused | timeout}.

    The status is of HTTP, or the code of gRPC where that is the protocol version.
    """
    for report in reports:
        group = find_target_group(backends, report["target_group"])
        if group is not None and probe_results.note(group, report):
            SCHEDULER.mark_changed(backends, "elbv2")
