"""Inspect any account, deployed by esaws or not: routes, reachability, health and findings. Nothing is changed.

    from esaws import Cloud, inspect

    account = inspect.snapshot(Cloud.from_env())                         # fetch once, then everything is pure
    inspect.reach(account, "internet", "alb/alb", 80)                    # allow, deny or unknown, and the missing rule
    inspect.trace(account, "http://seccom/cameras-api/")                 # hop by hop, from the client to the container
    inspect.findings(account).to_frame()                                 # what is wrong, with fixes
    inspect.why_unhealthy(Cloud.from_env())                              # causes, history, and the next step

Every inspector also takes a `Cloud`, and then fetches what it needs: `inspect.health(cloud)`.
"""

from typing import TYPE_CHECKING

from esaws._lazy import lazy_names

if TYPE_CHECKING:
    from esaws.inspect.account import Account, MissingData, snapshot
    from esaws.inspect.account_status import status
    from esaws.inspect.changes import changes_since
    from esaws.inspect.checks.group_findings import group_findings
    from esaws.inspect.checks.report import findings
    from esaws.inspect.load_balancers import rules
    from esaws.inspect.network.matrix import compare_matrices, matrix
    from esaws.inspect.network.reach import reach
    from esaws.inspect.new_instance import with_new_instance
    from esaws.inspect.probing.probe import probe_paths
    from esaws.inspect.probing.request_counts import count_requests
    from esaws.inspect.request_path import trace
    from esaws.inspect.routing.access_log import local_log_files, read_access_logs, s3_log_files
    from esaws.inspect.routing.replay import replay
    from esaws.inspect.security import security_audit
    from esaws.inspect.target_health import health
    from esaws.inspect.unhealthy import why_unhealthy
    from esaws.inspect.unused import unused_resources
    from esaws.inspect.who_reaches import who_reaches_what

__all__ = [
    "Account",
    "MissingData",
    "changes_since",
    "compare_matrices",
    "count_requests",
    "findings",
    "group_findings",
    "health",
    "local_log_files",
    "matrix",
    "probe_paths",
    "reach",
    "read_access_logs",
    "replay",
    "rules",
    "s3_log_files",
    "security_audit",
    "snapshot",
    "status",
    "trace",
    "unused_resources",
    "who_reaches_what",
    "why_unhealthy",
    "with_new_instance",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Account": "esaws.inspect.account",
        "MissingData": "esaws.inspect.account",
        "changes_since": "esaws.inspect.changes",
        "compare_matrices": "esaws.inspect.network.matrix",
        "count_requests": "esaws.inspect.probing.request_counts",
        "findings": "esaws.inspect.checks.report",
        "group_findings": "esaws.inspect.checks.group_findings",
        "health": "esaws.inspect.target_health",
        "local_log_files": "esaws.inspect.routing.access_log",
        "matrix": "esaws.inspect.network.matrix",
        "probe_paths": "esaws.inspect.probing.probe",
        "reach": "esaws.inspect.network.reach",
        "read_access_logs": "esaws.inspect.routing.access_log",
        "replay": "esaws.inspect.routing.replay",
        "rules": "esaws.inspect.load_balancers",
        "s3_log_files": "esaws.inspect.routing.access_log",
        "security_audit": "esaws.inspect.security",
        "snapshot": "esaws.inspect.account",
        "status": "esaws.inspect.account_status",
        "trace": "esaws.inspect.request_path",
        "unused_resources": "esaws.inspect.unused",
        "who_reaches_what": "esaws.inspect.who_reaches",
        "why_unhealthy": "esaws.inspect.unhealthy",
        "with_new_instance": "esaws.inspect.new_instance",
    },
)
