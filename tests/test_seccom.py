"""The reference system as plain boto3 sees it after a deploy, against the facts of the team's documents."""

from collections import Counter
from decimal import Decimal

import boto3
import pytest

from esaws.deploy.plan import Plan, compare, plan_deploy
from esaws.errors import UsageError
from esaws.reference.seccom import SERVICES, seccom_as_drawn, seccom
from esaws.resource import Index
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.target_group import TargetGroup

ANYWHERE = "0.0.0.0/0"
ALL = ("-1", None, ANYWHERE)

# group → what is let in and out: (protocol, port, source or destination)
SECURITY_GROUPS = {
    "ALB-sg": ({("tcp", 80, ANYWHERE)}, {ALL}),
    "ClientWeb-sg": ({("tcp", 22, ANYWHERE), ("tcp", 4201, "ALB-sg")}, {ALL}),
    "ManagerWeb-sg": ({("tcp", 22, ANYWHERE), ("tcp", 4202, ANYWHERE)}, {ALL}),
    "IntrusionManagementAPI-sg": (
        {("tcp", 22, ANYWHERE), ("tcp", 5671, ANYWHERE), ("tcp", 8001, "ALB-sg")},
        {ALL},
    ),
    "SitesManagementAPI-sg": (
        {
            ("tcp", 22, ANYWHERE),
            ("tcp", 80, "CamerasAPI-sg"),
            ("tcp", 80, "HumanDetectionModule-sg"),
            ("tcp", 8002, "ALB-sg"),
        },
        {ALL},
    ),
    "CamerasAPI-sg": ({("tcp", 22, ANYWHERE), ("tcp", 8003, ANYWHERE)}, {ALL}),
    "HumanDetectionModule-sg": ({("tcp", 80, ANYWHERE), ("tcp", 22, ANYWHERE)}, {ALL}),
    "ec2-rds-1": (set(), {("tcp", 5432, "rds-ec2-1")}),
    "rds-ec2-1": ({("tcp", 5432, "ec2-rds-1")}, set()),
    "Redis-sg": ({("tcp", 5671, ANYWHERE), ("tcp", 22, ANYWHERE), ("tcp", 6379, ANYWHERE)}, {ALL}),
}


class Plain:
    """Plain boto3 at an endpoint, as a user without esaws has it."""

    def __init__(self, cloud):
        self.session = boto3.Session(
            aws_access_key_id=cloud.account, aws_secret_access_key="local", region_name=cloud.region
        )
        self.endpoint = cloud.endpoint

    def __getattr__(self, service):
        return self.session.client(service.replace("_", "-"), endpoint_url=self.endpoint)


@pytest.fixture(scope="module")
def ha(new_cloud):
    cloud = new_cloud()
    plan_deploy(seccom("ha"), cloud).apply()
    return Plain(cloud)


@pytest.fixture(scope="module")
def budget(new_cloud):
    cloud = new_cloud()
    plan_deploy(seccom("budget"), cloud).apply()
    return Plain(cloud)


def instances(plain):
    reservations = plain.ec2.describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    )["Reservations"]
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def zones(plain):
    return Counter(instance["Placement"]["AvailabilityZone"] for instance in instances(plain))


def rules_of(plain, group_names):
    """Group name → (inbound, outbound) as sets of (protocol, port, peer's name)."""
    found = {name: (set(), set()) for name in group_names.values()}
    for rule in plain.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": list(group_names)}])[
        "SecurityGroupRules"
    ]:
        assert rule["FromPort"] == rule["ToPort"]
        peer = rule.get("CidrIpv4") or group_names[rule["ReferencedGroupInfo"]["GroupId"]]
        port = None if rule["FromPort"] == -1 else rule["FromPort"]
        found[group_names[rule["GroupId"]]][rule["IsEgress"]].add((rule["IpProtocol"], port, peer))
    return found


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_the_ten_security_groups_are_there_rule_for_rule(profile, request):
    plain = request.getfixturevalue(profile)
    groups = plain.ec2.describe_security_groups(Filters=[{"Name": "tag:esaws:deployment", "Values": ["seccom"]}])[
        "SecurityGroups"
    ]
    names = {group["GroupId"]: group["GroupName"].removeprefix("seccom-") for group in groups}
    assert rules_of(plain, names) == SECURITY_GROUPS


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_the_load_balancer_tries_the_rules_in_order(profile, request):
    plain = request.getfixturevalue(profile)
    (balancer,) = plain.elbv2.describe_load_balancers(Names=["seccom-alb"])["LoadBalancers"]
    assert (balancer["Scheme"], balancer["Type"]) == ("internet-facing", "application")
    assert {zone["ZoneName"] for zone in balancer["AvailabilityZones"]} == {"eu-west-3a", "eu-west-3b"}
    (listener,) = plain.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (listener["Protocol"], listener["Port"]) == ("HTTP", 80)
    names = {
        group["TargetGroupArn"]: group["TargetGroupName"]
        for group in plain.elbv2.describe_target_groups()["TargetGroups"]
    }
    rules = {
        rule["Priority"]: (
            [value for condition in rule["Conditions"] for value in condition["PathPatternConfig"]["Values"]],
            names[rule["Actions"][0]["TargetGroupArn"]],
        )
        for rule in plain.elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    }
    assert rules == {
        "1": (["/sites-management-api*"], "seccom-sites-management-api-tg"),
        "2": (["/intrusion-management-api*"], "seccom-intrusion-api-tg"),
        "default": ([], "seccom-client-web-ui-tg"),
    }


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_the_target_groups_ask_the_health_paths_of_the_documents(profile, request):
    groups = request.getfixturevalue(profile).elbv2.describe_target_groups()["TargetGroups"]
    assert {group["TargetGroupName"]: group["HealthCheckPath"] for group in groups} == {
        "seccom-client-web-ui-tg": "/",
        "seccom-intrusion-api-tg": "/intrusion-management-api/",
        "seccom-sites-management-api-tg": "/sites-management-api/",
    }
    for group in groups:
        assert (group["TargetType"], group["Protocol"], group["Port"]) == ("instance", "HTTP", 80)
        assert (group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"]) == (30, 5)
        assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (5, 2)
        assert group["Matcher"] == {"HttpCode": "200"}


def test_ha_has_six_clusters_of_two_machines_over_both_zones(ha):
    assert len(ha.ecs.list_clusters()["clusterArns"]) == 6
    assert zones(ha) == {"eu-west-3a": 6, "eu-west-3b": 6}
    assert {instance["InstanceType"] for instance in instances(ha)} == {"t2.micro"}
    for cluster in ha.ecs.list_clusters()["clusterArns"]:
        (described,) = ha.ecs.describe_clusters(clusters=[cluster])["clusters"]
        assert described["registeredContainerInstancesCount"] == 2


def test_budget_has_six_machines_and_all_but_one_in_the_first_zone(budget):
    assert zones(budget) == {"eu-west-3a": 5, "eu-west-3b": 1}
    (alone,) = [i for i in instances(budget) if i["Placement"]["AvailabilityZone"] == "eu-west-3b"]
    assert {"seccom-SitesManagementAPI-sg", "seccom-ec2-rds-1"} == {
        group["GroupName"] for group in alone["SecurityGroups"]
    }


def test_ha_has_six_services_of_two_tasks_scaled_between_two_and_four(ha):
    for name in SERVICES:
        (service,) = ha.ecs.describe_services(cluster=f"seccom-{name}-cluster", services=[f"seccom-{name}"])["services"]
        assert service["desiredCount"] == 2, name
        assert service["deploymentConfiguration"]["minimumHealthyPercent"] == 50
        assert service["deploymentConfiguration"]["maximumPercent"] == 200
    targets = ha.application_autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert {(target["MinCapacity"], target["MaxCapacity"]) for target in targets} == {(2, 4)}
    assert len(targets) == 6


def test_ha_scales_the_machines_of_each_group_by_their_cpu(ha):
    groups = ha.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert {(group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) for group in groups} == {(2, 2, 4)}
    policies = ha.autoscaling.describe_policies()["ScalingPolicies"]
    assert sorted(policy["AutoScalingGroupName"] for policy in policies) == sorted(
        group["AutoScalingGroupName"] for group in groups
    )
    for policy in policies:
        tracking = policy["TargetTrackingConfiguration"]
        assert tracking["PredefinedMetricSpecification"]["PredefinedMetricType"] == "ASGAverageCPUUtilization"
        assert tracking["TargetValue"] == 70
        assert len(policy["Alarms"]) == 2


def test_no_service_of_ha_brings_back_instances_that_its_group_was_told_to_do_without(ha):
    providers = ha.ecs.describe_capacity_providers()["capacityProviders"]
    assert {provider["name"] for provider in providers} == {"FARGATE", "FARGATE_SPOT"}
    for name in SERVICES:
        (service,) = ha.ecs.describe_services(cluster=f"seccom-{name}-cluster", services=[f"seccom-{name}"])["services"]
        assert service["launchType"] == "EC2" and not service.get("capacityProviderStrategy"), name


def test_budget_has_six_tasks_and_no_service(budget):
    for cluster in budget.ecs.list_clusters()["clusterArns"]:
        assert budget.ecs.list_services(cluster=cluster)["serviceArns"] == []
        assert len(budget.ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]) == 1


def test_budget_registers_one_machine_by_hand_in_each_target_group(budget):
    ports = {}
    for group in budget.elbv2.describe_target_groups()["TargetGroups"]:
        targets = budget.elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])[
            "TargetHealthDescriptions"
        ]
        ports[group["TargetGroupName"]] = [target["Target"]["Port"] for target in targets]
    assert ports == {
        "seccom-client-web-ui-tg": [4201],
        "seccom-intrusion-api-tg": [8001],
        "seccom-sites-management-api-tg": [8002],
    }


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_the_stores_are_as_the_documents_tell(profile, request):
    plain = request.getfixturevalue(profile)
    (database,) = plain.rds.describe_db_instances()["DBInstances"]
    assert (database["Engine"], database["DBInstanceClass"]) == ("postgres", "db.t3.micro")
    assert (database["AllocatedStorage"], database["StorageType"], database["MultiAZ"]) == (20, "gp2", False)
    (cache,) = plain.elasticache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
    assert (cache["Engine"], cache["CacheNodeType"], cache["NumCacheNodes"]) == ("redis", "cache.t3.micro", 1)
    (summary,) = plain.mq.list_brokers()["BrokerSummaries"]
    broker = plain.mq.describe_broker(BrokerId=summary["BrokerId"])
    assert (broker["EngineType"].upper(), broker["EngineVersion"], broker["HostInstanceType"]) == (
        "RABBITMQ",
        "3.13",
        "mq.t3.micro",
    )
    assert broker["PubliclyAccessible"] is True
    assert [bucket["Name"] for bucket in plain.s3.list_buckets()["Buckets"]] == [
        f"seccom-clips-{plain.sts.get_caller_identity()['Account']}-eu-west-3"
    ]
    pools = plain.cognito_idp.list_user_pools(MaxResults=60)["UserPools"]
    assert {pool["Name"] for pool in pools} == {"seccom-Managers", "seccom-Owners"}


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_people_sign_up_with_the_attributes_and_passwords_that_the_documents_ask(profile, request):
    plain = request.getfixturevalue(profile)
    for summary in plain.cognito_idp.list_user_pools(MaxResults=60)["UserPools"]:
        pool = plain.cognito_idp.describe_user_pool(UserPoolId=summary["Id"])["UserPool"]
        required = {attribute["Name"] for attribute in pool["SchemaAttributes"] if attribute.get("Required")}
        assert required >= {"address", "phone_number", "name", "birthdate", "email"}
        policy = pool["Policies"]["PasswordPolicy"]
        asked = [f"Require{what}" for what in ("Lowercase", "Uppercase", "Numbers", "Symbols")]
        assert policy["MinimumLength"] == 8 and all(policy[name] for name in asked)
        assert pool.get("MfaConfiguration", "OFF") == "OFF"
        assert pool["AutoVerifiedAttributes"] == ["email"]


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_each_of_six_repositories_has_an_image_called_latest(profile, request):
    plain = request.getfixturevalue(profile)
    repositories = plain.ecr.describe_repositories()["repositories"]
    assert {repository["repositoryName"] for repository in repositories} == {f"seccom-{name}" for name in SERVICES}
    for repository in repositories:
        images = plain.ecr.describe_images(repositoryName=repository["repositoryName"])["imageDetails"]
        assert [image["imageTags"] for image in images] == [["latest"]]


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_containers_get_the_ports_memory_and_prefix_of_the_documents(profile, request):
    plain = request.getfixturevalue(profile)
    for service in SERVICES.values():
        definition = plain.ecs.describe_task_definition(taskDefinition=f"seccom-{service.name}")["taskDefinition"]
        (container,) = definition["containerDefinitions"]
        ports = [(port["hostPort"], port["containerPort"]) for port in container.get("portMappings", ())]
        assert ports == ([(service.host_port, service.container_port)] if service.host_port else [])
        assert container["memory"] == 256
        assert container.get("environment", []) == (
            [{"name": "ALB_PREFIX", "value": service.path}] if service.path else []
        )
        assert (definition["networkMode"], definition["requiresCompatibilities"]) == ("bridge", ["EC2"])


# -- declarations ----------------------------------------------------------------------------------------------------


def monthly(architecture):
    return Plan("deploy", None, compare(architecture, Index(), "eu-west-3")).monthly_cost.usd


def test_a_month_of_ha_at_list_price_is_what_the_price_lists_add_up_to():
    assert round(monthly(seccom("ha")), 2) == Decimal("284.52")


def test_budget_saves_the_machines_of_the_second_zone():
    one_machine = 730 * 0.0132 + 30 * 0.116 + 730 * 0.005
    assert float(monthly(seccom("ha")) - monthly(seccom("budget"))) == pytest.approx(6 * one_machine)


def test_another_instance_type_has_another_price():
    difference = float(monthly(seccom("ha")) - monthly(seccom("ha", instance_type="t3.micro")))
    assert difference == pytest.approx(12 * 730 * (0.0132 - 0.0118))


def test_a_service_that_is_left_out_takes_its_stores_and_groups_with_it():
    small = seccom("ha", services=["client-web-ui"])
    assert {resource.name for resource in small.of(TargetGroup)} == {"client-web-ui-tg"}
    assert not any(resource.kind in ("DBInstance", "CacheCluster", "Broker", "Bucket") for resource in small)
    assert len(small) < len(seccom("ha")) / 3


@pytest.mark.parametrize("profile", ["ha", "budget"])
def test_pushed_images_can_be_run_instead_of_the_public_one(profile):
    for resource in seccom(profile, images="ecr"):
        if resource.kind == "TaskDefinition":
            assert resource.image.name == f"{resource.name}:latest" and resource.command == ()


def test_a_budget_and_alarms_come_when_somebody_wants_to_be_warned():
    added = {r.key for r in seccom("ha", warn_at_usd=10)} - {r.key for r in seccom("ha")}
    assert Counter(kind for kind, _ in added) == {"Budget": 1, "Alarm": 3}


def test_the_first_drawing_has_one_zone_and_a_third_rule():
    drawn = seccom_as_drawn()
    assert {resource.zone for resource in drawn if resource.kind == "Subnet"} == {"a"}
    assert len(drawn.of(ListenerRule)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile": "gold"}, "no profile 'gold'; the profiles are: ha, budget"),
        ({"profile": "ha", "services": ["web"]}, "no service web; the services are: client-web-ui"),
        ({"profile": "ha", "services": []}, "no service was named"),
        ({"profile": "ha", "services": ["sites-management-api"]}, "whose default is client-web-ui"),
        ({"profile": "ha", "images": "docker.io"}, "no image source 'docker.io'"),
    ],
)
def test_what_can_not_be_declared_is_refused_with_what_can(arguments, message):
    with pytest.raises(UsageError, match=message):
        seccom(**arguments)
