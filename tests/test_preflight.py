"""What an account lacks for a deploy: pure checks over AWS's answers, and deploys of a new account."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import compare, plan_deploy
from esaws.deploy.preflight import _CHECKS, Check, CheckReport
from esaws.deploy.preflight.answers import Answers, Unanswered
from esaws.deploy.preflight.needs import Needs, collect_needs
from esaws.deploy.preflight.safeguards import says_production
from esaws.errors import DeployRefused, Refused, UsageError
from esaws.reference.account_defaults import default_instance_type, default_zones
from esaws.reference.seccom import seccom
from esaws.resource import Index
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.broker import Broker
from esaws.resources.db_instance import DBInstance
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.subnet import Subnet
from esaws.resources.vpc import VPC
from tests.local.conftest import Account
from tests.local.timing import control
from tests.shell import Shell

PARIS = "eu-west-3"
REFUSED = Unanswered("AccessDenied: not authorized (SomeCall) → ask for the permission")
CLOUD = Cloud("aws", account="123456789012")

FREE: dict[str, Any] = {
    "accountPlanType": "FREE",
    "accountPlanStatus": "ACTIVE",
    "accountPlanRemainingCredits": {"amount": 100.0, "unit": "USD"},
    "accountPlanExpirationDate": datetime(2027, 5, 29, tzinfo=UTC),
}
PAID = FREE | {"accountPlanType": "PAID"}


def needs_of(architecture: Architecture, index: Index | None = None) -> Needs:
    return collect_needs(compare(architecture, index or Index(), PARIS), CLOUD)


def answers(**changed: Any) -> dict[str, Any]:
    """The answers of an account in Paris that can run every profile, but for what is changed; `_` stands for a dot."""
    sizes = {"t2.micro": 1, "t3.micro": 2}
    every: dict[str, Any] = {
        "plan": None,
        "aliases": ["acme-sandbox"],
        "zones": [{"ZoneName": f"{PARIS}{letter}", "State": "available"} for letter in "abc"],
        "types": [
            {"InstanceType": name, "FreeTierEligible": name == "t3.micro", "VCpuInfo": {"DefaultVCpus": vcpus}}
            for name, vcpus in sizes.items()
        ],
        "offerings": [{"Location": f"{PARIS}{letter}", "InstanceType": name} for name in sizes for letter in "abc"],
        "instances": [],
        "vpcs": [{"VpcId": "vpc-1", "IsDefault": True}],
        "gateways": [],
        "quotas.L-1216C47A": 64.0,
        "fargate": [],
        "quotas.L-3032A538": 6.0,
        "quotas.L-F678F1CE": 5.0,
        "quotas.L-A4707A72": 5.0,
        "database.database": [{"EngineVersion": "16.8", "StorageType": "gp2"}],
        "cache.redis": ["{}"],
        "broker.broker": [{"SupportedEngineVersions": ["3.13"]}],
        "principal": "arn:aws:iam::123456789012:role/teams/deployer",
        "simulation": [],
    }
    return every | changed


def run(needs: Needs, found: dict[str, Any]) -> dict[str, Check]:
    if found["simulation"] == []:
        found["simulation"] = [{"EvalActionName": name, "EvalDecision": "allowed"} for name in needs.permissions]
    return {check.check: check for each in _CHECKS for check in each(needs, Answers(found))}


BUDGET, HA, FARGATE = seccom("budget"), seccom("ha"), seccom("fargate")


def fargate_task(cluster: str, cpu: int) -> dict[str, str]:
    return {"clusterArn": f"arn:aws:ecs:{PARIS}:123456789012:cluster/{cluster}", "cpu": str(cpu)}


def instance(name: str, group: str = "", lifecycle: str = "") -> dict[str, Any]:
    tags = [{"Key": "aws:autoscaling:groupName", "Value": group}] if group else []
    return {"InstanceType": name, "Tags": tags} | ({"InstanceLifecycle": lifecycle} if lifecycle else {})


def zone(letter: str, **more: str) -> dict[str, str]:
    return {"ZoneName": f"{PARIS}{letter}", "State": "available"} | more


CASES: list[tuple[str, Architecture, dict[str, Any], str, bool | None, str]] = [
    # (what, architecture, changed answers, check, verdict, words of the detail or the fix)
    ("a sandbox", BUDGET, {}, "account purpose", True, "alias: acme-sandbox"),
    ("no alias", BUDGET, {"aliases": []}, "account purpose", True, "alias: none"),
    ("production", BUDGET, {"aliases": ["acme-prod"]}, "account purpose", False, "its alias is acme-prod"),
    ("production", BUDGET, {"aliases": ["acme-prod"]}, "account purpose", False, "ESAWS_PRODUCTION=allow"),
    ("a tag", BUDGET,
     {"instances": [{**instance("m5.large"), "Tags": [{"Key": "Environment", "Value": "Production"}]}]},
     "account purpose", False, "an instance has the tag Environment=Production"),
    ("no permission", BUDGET, {"aliases": REFUSED}, "account purpose", None, "iam:ListAccountAliases"),
    ("the large build", HA, {}, "price limit", True, "284.52 USD a month at list price, and the limit is 300.00"),
    ("room", BUDGET, {}, "vCPU quota", True, "6 needed of 64"),
    ("a new account", BUDGET, {"quotas.L-1216C47A": 5.0}, "vCPU quota", False, "6 needed of 5 in eu-west-3"),
    ("a new account", HA, {"quotas.L-1216C47A": 5.0}, "vCPU quota", False, "12 needed of 5"),
    ("exactly", BUDGET, {"quotas.L-1216C47A": 6.0}, "vCPU quota", True, "6 needed of 6"),
    ("two vCPUs each", seccom("budget", instance_type="t3.micro"), {"quotas.L-1216C47A": 6.0}, "vCPU quota", False,
     "12 needed of 6"),
    ("scale-out", HA, {"quotas.L-1216C47A": 12.0}, "vCPU quota", True, "to its maximum, it needs 24"),
    ("others run", BUDGET, {"quotas.L-1216C47A": 8.0, "instances": [instance("t3.micro"), instance("t2.micro")]},
     "vCPU quota", False, "9 needed of 8 in eu-west-3: 6 for this deploy, 3 run already"),
    ("spot and other families run", BUDGET,
     {"quotas.L-1216C47A": 6.0, "instances": [instance("t3.micro", lifecycle="spot"), instance("g4dn.xlarge")]},
     "vCPU quota", True, "0 run already"),
    ("own instances", BUDGET,
     {"quotas.L-1216C47A": 6.0, "instances": [instance("t2.micro", "seccom-hdm-asg")]}, "vCPU quota", True, "6 needed"),
    ("no permission", BUDGET, {"quotas.L-1216C47A": REFUSED}, "vCPU quota", None, "AccessDenied"),
    ("the fix names the place", BUDGET, {"quotas.L-1216C47A": 5.0}, "vCPU quota", False,
     "--quota-code L-1216C47A --desired-value 6 --region eu-west-3"),
    ("on Fargate", FARGATE, {}, "Fargate vCPU quota", True, "1.5 needed of 6 in eu-west-3: 1.5 for this deploy, 0 run"),
    ("a new account", FARGATE, {"quotas.L-3032A538": 1.0}, "Fargate vCPU quota", False, "--desired-value 2 --region"),
    ("others run", FARGATE, {"fargate": [fargate_task("shop", 4096), fargate_task("shop", 1024)]},
     "Fargate vCPU quota", False, "6.5 needed of 6 in eu-west-3: 1.5 for this deploy, 5 run already"),
    ("own tasks", FARGATE, {"fargate": [fargate_task("seccom-hdm-cluster", 8192)]},
     "Fargate vCPU quota", True, "0 run already"),
    ("no permission", FARGATE, {"fargate": REFUSED}, "Fargate vCPU quota", None, "AccessDenied"),
    ("five VPCs", BUDGET, {"vpcs": [{"IsDefault": True}] * 5}, "VPC quota", False, "6 needed of 5"),
    ("no permission", BUDGET, {"quotas.L-F678F1CE": REFUSED}, "VPC quota", None, "AccessDenied"),
    ("five gateways", BUDGET, {"gateways": [{}] * 5}, "internet gateway quota", False, "6 needed of 5"),
    ("the free plan", BUDGET, {"plan": FREE}, "instance type t2.micro", False, "free plan of this account does not"),
    ("the free plan", BUDGET, {"plan": FREE}, "instance type t2.micro", False, "--instance-type, such as t3.micro"),
    ("the paid plan", BUDGET, {"plan": PAID}, "instance type t2.micro", True, "eu-west-3 has it"),
    ("not in the region", BUDGET, {"types": []}, "instance type t2.micro", False, "eu-west-3 does not have it"),
    ("no permission", BUDGET, {"types": REFUSED}, "instance type t2.micro", None, "AccessDenied"),
    ("credits", BUDGET, {"plan": FREE}, "account plan", True, "100.00 USD of credits left, ends on 2027-05-29"),
    ("credits a day", BUDGET, {"plan": FREE}, "account plan", True, "so the credits last"),
    ("no plan", BUDGET, {}, "account plan", True, "none"),
    ("an ended plan", BUDGET, {"plan": FREE | {"accountPlanStatus": "EXPIRED"}}, "account plan", False, "upgrade"),
    ("no credits", BUDGET, {"plan": FREE | {"accountPlanRemainingCredits": {"amount": 0.0}}}, "account plan", False,
     "0.00 USD"),
    ("an unknown amount", BUDGET, {"plan": FREE | {"accountPlanRemainingCredits": {}}}, "account plan", True,
     "its credits are not known"),
    ("no permission", BUDGET, {"plan": REFUSED}, "account plan", None, "freetier:GetAccountPlanState"),
    ("no zone b", BUDGET, {"zones": [zone("a"), zone("c")]}, "zone eu-west-3b", False, "--availability-zones"),
    ("no zone b", BUDGET, {"zones": [zone("a"), zone("c")]}, "zone eu-west-3b", False, "among a,c"),
    ("the type is not in b", HA,
     {"offerings": [{"Location": f"{PARIS}{letter}", "InstanceType": "t2.micro"} for letter in "ac"]},
     "zone eu-west-3b", False, "does not have t2.micro"),
    ("an impaired zone", HA, {"zones": [zone("a", State="impaired"), zone("b")]}, "zone eu-west-3a", None, "impaired"),
    ("no permission", HA, {"zones": REFUSED}, "zones", None, "ec2:DescribeAvailabilityZones"),
    ("no permission", HA, {"offerings": REFUSED}, "zone eu-west-3a", None, "ec2:DescribeInstanceTypeOfferings"),
    ("no class", BUDGET, {"database.database": []}, "database database", False, "does not have db.t3.micro"),
    ("another version", BUDGET, {"database.database": [{"EngineVersion": "17.4"}]}, "database database", False, "17.4"),
    ("1 is not 16", BUDGET, {"database.database": [{"EngineVersion": "161.2"}]}, "database database", False, "161.2"),
    ("other storage", BUDGET, {"database.database": [{"EngineVersion": "16.8", "StorageType": "gp3"}]},
     "database database", False, "use gp3"),
    ("no permission", BUDGET, {"database.database": REFUSED}, "database database", None, "AccessDenied"),
    ("not in the price list", BUDGET, {"cache.redis": []}, "cache redis", None, "price list"),
    ("another version", BUDGET, {"broker.broker": [{"SupportedEngineVersions": ["4.2"]}]}, "broker broker", False,
     "4.2"),
    ("no permission", BUDGET, {"broker.broker": REFUSED}, "broker broker", None, "AccessDenied"),
    ("no default VPC", BUDGET, {"vpcs": [{"IsDefault": False}]}, "default VPC", None, "create-default-vpc"),
    ("a default VPC", BUDGET, {}, "default VPC", True, "eu-west-3 has one"),
    ("allowed", BUDGET, {}, "permissions", True, "role deployer may take"),
    ("denied", BUDGET, {"simulation": [{"EvalActionName": "ec2:CreateVpc", "EvalDecision": "explicitDeny"}]},
     "permissions", False, "may not: ec2:CreateVpc"),
    ("denied under a condition", BUDGET,
     {"simulation": [{"EvalActionName": "ec2:CreateVpc", "EvalDecision": "explicitDeny",
                      "MissingContextValues": ["aws:SourceIp"]}]},
     "permissions", None, "not allowed on every resource"),
    ("denied by the organization", BUDGET,
     {"simulation": [{"EvalActionName": "ec2:CreateVpc", "EvalDecision": "implicitDeny",
                      "OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}]},
     "permissions", False, "ec2:CreateVpc"),
    ("not allowed on all resources", BUDGET,
     {"simulation": [{"EvalActionName": "ec2:CreateVpc", "EvalDecision": "implicitDeny"}]},
     "permissions", None, "a policy for some may be enough"),
    ("the root user", BUDGET, {"principal": "arn:aws:iam::123456789012:root"}, "permissions", None, "root user"),
    ("no permission to simulate", BUDGET, {"simulation": REFUSED}, "permissions", None, "iam:SimulatePrincipalPolicy"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "changed", "name", "verdict", "words"),
    [pytest.param(*case[1:], id=f"{case[3]}: {case[0]}") for case in CASES],
)
def test_a_check_answers_yes_no_or_unknown_with_the_reason(
    architecture: Architecture, changed: dict[str, Any], name: str, verdict: bool | None, words: str
) -> None:
    check = run(needs_of(architecture), answers(**changed))[name]
    assert check.ok is verdict, check
    assert words in f"{check.detail} → {check.fix}"
    assert check.ok or check.fix, "what does not pass has a way to fix it"


def test_an_account_with_room_passes_every_check() -> None:
    for architecture in (BUDGET, HA):
        assert {check.ok for check in run(needs_of(architecture), answers()).values()} == {True}


def test_without_any_answer_every_check_is_unknown() -> None:
    checks = run(needs_of(HA), dict.fromkeys(answers(), REFUSED))
    assert checks.pop("price limit").ok, "the price is known without AWS"
    assert {check.ok for check in checks.values()} == {None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prod", True), ("acme-production", True), ("PRD_2", True), ("env=live", True), ("prod1", True),
        ("product-team", False), ("nonprod", False), ("acme-non-prod", False), ("pre-prod", False), ("delivery", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_name_says_production_as_a_word_of_its_own(text: str, expected: bool) -> None:
    assert says_production(text) is expected


@pytest.mark.parametrize(("limit", "ok"), [("284.52", True), ("284.51", False), ("1e3", True)])
def test_the_price_has_a_limit_that_the_environment_sets(monkeypatch: Any, limit: str, ok: bool) -> None:
    monkeypatch.setenv("ESAWS_MAX_USD_MONTH", limit)
    check = run(needs_of(HA), answers())["price limit"]
    assert check.ok is ok and "ESAWS_MAX_USD_MONTH" in check.fix


@pytest.mark.parametrize("limit", ["0", "-1", "nan", "inf", "a lot"])
def test_a_price_limit_that_is_not_a_positive_number_is_a_usage_error(monkeypatch: Any, limit: str) -> None:
    monkeypatch.setenv("ESAWS_MAX_USD_MONTH", limit)
    with pytest.raises(UsageError, match=f"ESAWS_MAX_USD_MONTH is '{limit}'"):
        run(needs_of(HA), answers())


def test_an_unknown_price_is_not_within_the_limit() -> None:
    check = run(replace(needs_of(HA), usd_per_month=None), answers())["price limit"]
    assert check.ok is None


def test_production_can_be_allowed(monkeypatch: Any) -> None:
    monkeypatch.setenv("ESAWS_PRODUCTION", "allow")
    assert run(needs_of(BUDGET), answers(aliases=["prod"]))["account purpose"].ok is True


def test_the_local_aws_is_neither_production_nor_expensive() -> None:
    names = run(replace(needs_of(HA), is_aws=False), answers(aliases=["prod"]))
    assert not {"account purpose", "price limit"} & set(names)


@pytest.mark.parametrize("name", ["account purpose", "price limit"])
def test_what_protects_an_account_is_refused_for_safety(name: str) -> None:
    failed = [Check(each, False, "why", "what to do") for each in (name, "zones")]
    with pytest.raises(Refused, match=name) as refused:
        CheckReport(failed).require_passed()
    assert refused.value.exit_code == 3 and "zones" in str(refused.value)


def test_a_plan_needs_only_what_it_creates() -> None:
    network = Architecture("network", [Subnet.example()])
    checks = {"account purpose", "VPC quota", "zone eu-west-3a", "permissions"}
    assert set(run(needs_of(network), answers())) == checks
    vpc = VPC.example()
    needs = needs_of(Architecture("a", [vpc]))
    assert (needs.vpcs, needs.fleets, needs.zones, needs.databases) == (1, (), {}, ())


def test_a_database_that_the_free_plan_refuses_fails() -> None:
    declared = BUDGET.get(DBInstance, "database")
    for changes, words in (({"instance_class": "db.t3.small"}, "does not run"), ({"backup_days": 7}, "for 1 day")):
        needs = needs_of(Architecture("a", [replace(declared, **changes)]))
        check = run(needs, answers(plan=FREE))["database database"]
        assert check.ok is False and words in check.detail
    assert run(needs_of(BUDGET), answers(plan=FREE))["database database"].ok


def test_failed_checks_refuse_and_unknown_ones_do_not() -> None:
    unknown, failed = Check("zones", None, "not known", "allow it"), Check("vCPU quota", False, "6 of 5", "ask for 6")
    CheckReport([unknown]).require_passed()
    assert str(CheckReport([unknown])) == "no check failed, 1 unknown"
    assert CheckReport([unknown]).to_dict()[0]["ok"] is None
    with pytest.raises(DeployRefused, match=r"vCPU quota: NO, 6 of 5 → ask for 6") as refused:
        CheckReport([unknown, failed]).require_passed()
    assert "zones" not in str(refused.value) and refused.value.exit_code == 1


# -- what follows the account


class Described:
    """A cloud whose EC2 answers with given descriptions; None refuses the call."""

    region = "eu-south-9"

    def __init__(self, types: dict[str, bool] | None, zones: str | None, offering: str = "") -> None:
        self.types, self.zones, self.offering = types, zones, offering

    def client(self, service: str) -> Any:
        return self

    def describe_instance_types(self, **_: Any) -> Any:
        types = self._answer(self.types)
        return {"InstanceTypes": [{"InstanceType": name, "FreeTierEligible": free} for name, free in types.items()]}

    def describe_availability_zones(self, **_: Any) -> Any:
        return {"AvailabilityZones": [{"ZoneName": self.region + letter} for letter in self._answer(self.zones)]}

    def describe_instance_type_offerings(self, **_: Any) -> Any:
        return {"InstanceTypeOfferings": [{"Location": self.region + letter} for letter in self.offering]}

    def _answer(self, value: Any) -> Any:
        if value is None:
            raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}, "Describe")
        return value


@pytest.mark.parametrize(
    ("types", "chosen"),
    [
        ({"t2.micro": True, "t3.micro": False}, "t2.micro"),
        ({"t2.micro": False, "t3.micro": True}, "t3.micro"),
        ({"t3.micro": True}, "t3.micro"),
        ({"t3.micro": False}, "t3.micro"),
        ({"t2.micro": False, "t3.micro": False}, "t2.micro"),
        ({}, "t2.micro"),
        (None, "t2.micro"),
    ],
)
def test_the_instance_type_is_that_of_the_free_tier(types: dict[str, bool] | None, chosen: str) -> None:
    cloud: Any = Described(types, "ab")
    assert default_instance_type(cloud) == chosen


@pytest.mark.parametrize(
    ("zones", "offering", "chosen"),
    [
        ("abc", "abc", "ab"),
        ("ac", "ac", "ac"),
        ("acd", "cd", "cd"),
        ("bca", "abc", "ab"),
        ("abc", "c", "ab"),  # too few: the check of the zones says so
        (None, "", "ab"),
    ],
)
def test_zones_are_the_first_two_that_have_the_instance_type(zones: str | None, offering: str, chosen: str) -> None:
    cloud: Any = Described({}, zones, offering)
    assert "".join(default_zones(cloud, "t3.micro")) == chosen


def test_a_fitted_architecture_keeps_its_names_and_what_was_named() -> None:
    cloud: Any = Described({"t3.micro": True}, "ac", "ac")
    fitted = HA.fitted(cloud)
    assert {resource.key for resource in fitted} == {resource.key for resource in HA}
    assert [(subnet.name, subnet.zone) for subnet in fitted.of(Subnet)] == [("public-3a", "a"), ("public-3b", "c")]
    assert {template.instance_type for template in fitted.of(LaunchTemplate)} == {"t3.micro"}
    part = HA.just(AutoScalingGroup).fitted(cloud)
    assert len(part) == len(HA.just(AutoScalingGroup)) and part.whole is not part
    named = seccom("ha", instance_type="t2.micro", zones=("a", "b"))
    silent: Any = None
    assert named.fitted(silent) is named, "it makes no calls"


@pytest.mark.parametrize("zones", [("a",), ("a", "a"), ("a", "b", "c"), ("eu-west-3a", "eu-west-3b")])
def test_two_different_letters_name_the_zones(zones: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="two different ones by their letters"):
        seccom("ha", zones=zones)


# -- a new account


@pytest.fixture
def new_account(cloud: Cloud) -> Cloud:
    """An empty account on the free plan."""
    control(Account(cloud.endpoint or "", cloud.account), "POST", "regime", regime="credits", plan="free")
    return cloud


def raise_vcpus(cloud: Cloud, value: float) -> None:
    cloud.client("service-quotas").request_service_quota_increase(
        ServiceCode="ec2", QuotaCode="L-1216C47A", DesiredValue=value
    )
    simulation.advance(cloud, "30m")


@pytest.mark.parametrize(("profile", "vcpus"), [("budget", 12), ("ha", 24)])
def test_a_new_account_is_refused_before_anything_is_created(new_account: Cloud, profile: str, vcpus: int) -> None:
    plan = plan_deploy(seccom(profile), new_account)
    assert [check.check for check in plan.preflight() if not check.ok] == ["vCPU quota"]
    with pytest.raises(DeployRefused, match=f"vCPU quota: NO, {vcpus} needed of 5 in eu-west-3"):
        plan.apply(yes=True)
    assert len(inventory(new_account)) == 0


def test_the_free_plan_refuses_t2_micro_before_anything_is_created(new_account: Cloud) -> None:
    raise_vcpus(new_account, 64)
    with pytest.raises(DeployRefused, match=r"instance type t2\.micro: NO, the free plan"):
        plan_deploy(seccom("budget", instance_type="t2.micro"), new_account).apply(yes=True)
    assert len(inventory(new_account)) == 0


def test_with_a_raised_quota_a_free_account_deploys_t3_micro_in_the_zones_it_has(new_account: Cloud) -> None:
    tokyo = new_account.in_region("ap-northeast-1")
    zones = tokyo.client("ec2").describe_availability_zones()["AvailabilityZones"]
    assert [zone["ZoneName"][-1] for zone in zones] == ["a", "c", "d"]
    small = seccom("ha", services=["client-web-ui"])
    raise_vcpus(tokyo, 6)
    plan = plan_deploy(small, tokyo)
    assert str(plan.preflight()) == "all checks passed"
    plan.apply(yes=True)
    assert [live.fields["zone"] for live in Subnet.list(tokyo)] == ["a", "c"]
    reservations = tokyo.client("ec2").describe_instances()["Reservations"]
    types = [instance["InstanceType"] for reservation in reservations for instance in reservation["Instances"]]
    assert types == ["t3.micro", "t3.micro"]
    again = plan_deploy(small, tokyo)
    assert {change.action for change in again} == {"keep"} and len(again.preflight()) == 0


def test_the_commands_show_the_checks_and_their_exit_code(new_account: Cloud, esaws: Shell) -> None:
    assert "vCPU quota: NO, 12 needed of 5" in esaws("deploy", "--profile", "budget", "--yes", code=1)
    assert {line["action"] for line in esaws.json("plan", "--profile", "budget")} == {"create"}
    esaws("deploy", "--dry-run", "--profile", "ha")
    esaws("doctor", code=1)
    assert "--availability-zones" in esaws("plan", "--help")
    assert len(inventory(new_account)) == 0


def test_the_large_build_after_the_small_one_needs_room_for_its_second_instances(budget: Cloud) -> None:
    plan = plan_deploy(seccom("ha"), budget, prune=True)
    needs = collect_needs(plan, budget)
    assert [fleet.instances for fleet in needs.fleets] == [2] * 6
    running = [instance("t2.micro", name) for name in needs.own_groups]
    found = answers(instances=running, **{"quotas.L-1216C47A": 11.0})
    check = {check.check: check for each in _CHECKS for check in each(needs, Answers(found))}["vCPU quota"]
    assert check.ok is False and check.detail.startswith("12 needed of 11"), "what runs in its groups counts once"


def test_a_broker_alone_needs_no_quota() -> None:
    assert set(run(needs_of(Architecture("a", [Broker.example()])), answers())) == {
        "account purpose",
        "price limit",
        "account plan",
        "broker broker",
        "default VPC",
        "permissions",
    }
