"""What would stop or surprise a deploy, looked up in the account before anything is created.

    report = check_account(plan.changes, cloud)
    report.failed       # quotas, instance types, zones, … that stop it
    report.unknown      # what the account did not answer

`needs` collects what a plan takes from the account, `answers` asks AWS, and the checks are pure functions of both.
"""

from collections.abc import Iterable

from esaws.cloud import Cloud
from esaws.deploy.change import Change
from esaws.deploy.preflight.answers import fetch
from esaws.deploy.preflight.capacity import check_counts, check_fargate_vcpus, check_vcpus
from esaws.deploy.preflight.needs import collect_needs
from esaws.deploy.preflight.offers import (
    check_brokers,
    check_caches,
    check_databases,
    check_instance_types,
    check_zones,
)
from esaws.deploy.preflight.permissions import check_permissions
from esaws.deploy.preflight.plan_state import check_plan
from esaws.deploy.preflight.report import Check, CheckReport
from esaws.deploy.preflight.safeguards import check_price, check_purpose

__all__ = ["Check", "CheckReport", "check_account"]

_CHECKS = (
    check_purpose,
    check_price,
    check_plan,
    check_instance_types,
    check_zones,
    check_vcpus,
    check_fargate_vcpus,
    check_counts,
    check_databases,
    check_caches,
    check_brokers,
    check_permissions,
)


def check_account(changes: Iterable[Change], cloud: Cloud) -> CheckReport:
    """Check what the changes of a deploy need from the account, with the calls that these need. Changes nothing."""
    if cloud.is_other_emulator:
        detail = f"{cloud.endpoint} is another emulator: its quotas, types and versions are not those of an account"
        return CheckReport([Check("emulator", None, detail)])
    needs = collect_needs(changes, cloud)
    answers = fetch(needs, cloud)
    return CheckReport(check for run in _CHECKS for check in run(needs, answers))
