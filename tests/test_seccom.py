"""SecCom: the deployed system, read with plain boto3, has the facts of the team's documents."""

from collections import Counter
from decimal import Decimal

import boto3
import pytest

from esaws.deploy.plan import compare
from esaws.errors import UsageError
from esaws.pricelist import FREE
from esaws.reference.seccom import PROFILES, SERVICES, seccom, seccom_as_drawn
from esaws.resource import Index
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.target_group import TargetGroup
from esaws.resources.task_definition import TaskDefinition

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


class PlainClients:
    """Plain boto3 clients of an endpoint, without esaws: `clients.ec2`."""

    def __init__(self, cloud):
        self.session = boto3.Session(
            aws_access_key_id=cloud.account, aws_secret_access_key="local", region_name=cloud.region
        )
        self.endpoint = cloud.endpoint

    def __getattr__(self, service):
        return self.session.client(service.replace("_", "-"), endpoint_url=self.endpoint)


@pytest.fixture(scope="module", params=["ha", "budget"])
def aws(request, load_system):
    return PlainClients(load_system(request.param))


HA = pytest.mark.parametrize("aws", ["ha"], indirect=True)
BUDGET = pytest.mark.parametrize("aws", ["budget"], indirect=True)


def instances(aws):
    reservations = aws.ec2.describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    )["Reservations"]
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def zones(aws):
    return Counter(instance["Placement"]["AvailabilityZone"] for instance in instances(aws))


def rules_of(aws, group_names):
    """Map group names to (inbound, outbound), as sets of (protocol, port, name of the peer)."""
    rules = {name: (set(), set()) for name in group_names.values()}
    filters = [{"Name": "group-id", "Values": list(group_names)}]
    for rule in aws.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]:
        assert rule["FromPort"] == rule["ToPort"]
        peer = rule.get("CidrIpv4") or group_names[rule["ReferencedGroupInfo"]["GroupId"]]
        port = None if rule["FromPort"] == -1 else rule["FromPort"]
        rules[group_names[rule["GroupId"]]][rule["IsEgress"]].add((rule["IpProtocol"], port, peer))
    return rules


def test_the_ten_security_groups_have_exactly_their_rules(aws):
    groups = aws.ec2.describe_security_groups(Filters=[{"Name": "tag:esaws:deployment", "Values": ["seccom"]}])[
        "SecurityGroups"
    ]
    names = {group["GroupId"]: group["GroupName"].removeprefix("seccom-") for group in groups}
    assert rules_of(aws, names) == SECURITY_GROUPS


def test_the_load_balancer_has_its_rules_in_order(aws):
    (balancer,) = aws.elbv2.describe_load_balancers(Names=["seccom-alb"])["LoadBalancers"]
    assert (balancer["Scheme"], balancer["Type"]) == ("internet-facing", "application")
    assert {zone["ZoneName"] for zone in balancer["AvailabilityZones"]} == {"eu-west-3a", "eu-west-3b"}
    (listener,) = aws.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (listener["Protocol"], listener["Port"]) == ("HTTP", 80)
    names = {
        group["TargetGroupArn"]: group["TargetGroupName"]
        for group in aws.elbv2.describe_target_groups()["TargetGroups"]
    }
    rules = {
        rule["Priority"]: (
            [value for condition in rule["Conditions"] for value in condition["PathPatternConfig"]["Values"]],
            names[rule["Actions"][0]["TargetGroupArn"]],
        )
        for rule in aws.elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    }
    assert rules == {
        "1": (["/sites-management-api*"], "seccom-sites-management-api-tg"),
        "2": (["/intrusion-management-api*"], "seccom-intrusion-api-tg"),
        "default": ([], "seccom-client-web-ui-tg"),
    }


def test_the_target_groups_have_their_health_checks(aws):
    groups = aws.elbv2.describe_target_groups()["TargetGroups"]
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


@HA
def test_ha_has_six_clusters_of_two_instances_over_both_zones(aws):
    assert len(aws.ecs.list_clusters()["clusterArns"]) == 6
    assert zones(aws) == {"eu-west-3a": 6, "eu-west-3b": 6}
    assert {instance["InstanceType"] for instance in instances(aws)} == {"t2.micro"}
    for cluster in aws.ecs.list_clusters()["clusterArns"]:
        (described,) = aws.ecs.describe_clusters(clusters=[cluster])["clusters"]
        assert described["registeredContainerInstancesCount"] == 2


@BUDGET
def test_budget_has_six_instances_all_but_one_in_the_first_zone(aws):
    assert zones(aws) == {"eu-west-3a": 5, "eu-west-3b": 1}
    (alone,) = [i for i in instances(aws) if i["Placement"]["AvailabilityZone"] == "eu-west-3b"]
    assert {"seccom-SitesManagementAPI-sg", "seccom-ec2-rds-1"} == {
        group["GroupName"] for group in alone["SecurityGroups"]
    }


@HA
def test_ha_has_six_services_of_two_tasks_scaled_between_two_and_four(aws):
    for name in SERVICES:
        (service,) = aws.ecs.describe_services(cluster=f"seccom-{name}-cluster", services=[f"seccom-{name}"])[
            "services"
        ]
        assert service["desiredCount"] == 2, name
        assert service["deploymentConfiguration"]["minimumHealthyPercent"] == 50
        assert service["deploymentConfiguration"]["maximumPercent"] == 200
    targets = aws.application_autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert {(target["MinCapacity"], target["MaxCapacity"]) for target in targets} == {(2, 4)}
    assert len(targets) == 6


@HA
def test_ha_scales_the_instances_of_each_group_by_cpu(aws):
    groups = aws.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert {(group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) for group in groups} == {(2, 2, 4)}
    policies = aws.autoscaling.describe_policies()["ScalingPolicies"]
    assert sorted(policy["AutoScalingGroupName"] for policy in policies) == sorted(
        group["AutoScalingGroupName"] for group in groups
    )
    for policy in policies:
        tracking = policy["TargetTrackingConfiguration"]
        assert tracking["PredefinedMetricSpecification"]["PredefinedMetricType"] == "ASGAverageCPUUtilization"
        assert tracking["TargetValue"] == 70
        assert len(policy["Alarms"]) == 2


@HA
def test_no_service_of_ha_has_a_capacity_provider(aws):
    providers = aws.ecs.describe_capacity_providers()["capacityProviders"]
    assert {provider["name"] for provider in providers} == {"FARGATE", "FARGATE_SPOT"}
    for name in SERVICES:
        (service,) = aws.ecs.describe_services(cluster=f"seccom-{name}-cluster", services=[f"seccom-{name}"])[
            "services"
        ]
        assert service["launchType"] == "EC2" and not service.get("capacityProviderStrategy"), name


@BUDGET
def test_budget_has_six_tasks_and_no_service(aws):
    for cluster in aws.ecs.list_clusters()["clusterArns"]:
        assert aws.ecs.list_services(cluster=cluster)["serviceArns"] == []
        assert len(aws.ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]) == 1


@BUDGET
def test_budget_registers_one_instance_in_each_target_group(aws):
    ports = {}
    for group in aws.elbv2.describe_target_groups()["TargetGroups"]:
        targets = aws.elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        ports[group["TargetGroupName"]] = [target["Target"]["Port"] for target in targets]
    assert ports == {
        "seccom-client-web-ui-tg": [4201],
        "seccom-intrusion-api-tg": [8001],
        "seccom-sites-management-api-tg": [8002],
    }


def test_the_data_stores_have_their_engines_and_sizes(aws):
    (database,) = aws.rds.describe_db_instances()["DBInstances"]
    assert (database["Engine"], database["DBInstanceClass"]) == ("postgres", "db.t3.micro")
    assert (database["AllocatedStorage"], database["StorageType"], database["MultiAZ"]) == (20, "gp2", False)
    (cache,) = aws.elasticache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
    assert (cache["Engine"], cache["CacheNodeType"], cache["NumCacheNodes"]) == ("redis", "cache.t3.micro", 1)
    (summary,) = aws.mq.list_brokers()["BrokerSummaries"]
    broker = aws.mq.describe_broker(BrokerId=summary["BrokerId"])
    assert (broker["EngineType"].upper(), broker["EngineVersion"], broker["HostInstanceType"]) == (
        "RABBITMQ",
        "3.13",
        "mq.t3.micro",
    )
    assert broker["PubliclyAccessible"] is True
    assert [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]] == [
        f"seccom-clips-{aws.sts.get_caller_identity()['Account']}-eu-west-3"
    ]
    pools = aws.cognito_idp.list_user_pools(MaxResults=60)["UserPools"]
    assert {pool["Name"] for pool in pools} == {"seccom-Managers", "seccom-Owners"}


def test_the_user_pools_have_their_attributes_and_password_policy(aws):
    for summary in aws.cognito_idp.list_user_pools(MaxResults=60)["UserPools"]:
        pool = aws.cognito_idp.describe_user_pool(UserPoolId=summary["Id"])["UserPool"]
        required = {attribute["Name"] for attribute in pool["SchemaAttributes"] if attribute.get("Required")}
        assert required >= {"address", "phone_number", "name", "birthdate", "email"}
        policy = pool["Policies"]["PasswordPolicy"]
        required_kinds = [f"Require{kind}" for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols")]
        assert policy["MinimumLength"] == 8 and all(policy[name] for name in required_kinds)
        assert pool.get("MfaConfiguration", "OFF") == "OFF"
        assert pool["AutoVerifiedAttributes"] == ["email"]


def test_each_of_six_repositories_has_an_image_tagged_latest(aws):
    repositories = aws.ecr.describe_repositories()["repositories"]
    assert {repository["repositoryName"] for repository in repositories} == {f"seccom-{name}" for name in SERVICES}
    for repository in repositories:
        images = aws.ecr.describe_images(repositoryName=repository["repositoryName"])["imageDetails"]
        assert [image["imageTags"] for image in images] == [["latest"]]


def test_containers_have_their_ports_memory_and_prefix(aws):
    for service in SERVICES.values():
        definition = aws.ecs.describe_task_definition(taskDefinition=f"seccom-{service.name}")["taskDefinition"]
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
    changes = compare(architecture, Index(), "eu-west-3")
    return sum((change.cost for change in changes), FREE).usd


def test_the_monthly_list_price_of_ha():
    assert round(monthly(seccom("ha")), 2) == Decimal("284.52")


def test_budget_costs_six_instances_less_than_ha():
    one_instance = 730 * 0.0132 + 30 * 0.116 + 730 * 0.005
    assert float(monthly(seccom("ha")) - monthly(seccom("budget"))) == pytest.approx(6 * one_instance)


def test_another_instance_type_has_another_price():
    difference = float(monthly(seccom("ha")) - monthly(seccom("ha", instance_type="t3.micro")))
    assert difference == pytest.approx(12 * 730 * (0.0132 - 0.0118))


def test_a_service_is_left_out_with_its_stores_and_groups():
    small = seccom("ha", services=["client-web-ui"])
    assert {resource.name for resource in small.of(TargetGroup)} == {"client-web-ui-tg"}
    assert not any(resource.kind in ("DBInstance", "CacheCluster", "Broker", "Bucket") for resource in small)
    assert len(small) < len(seccom("ha")) / 3


@pytest.mark.parametrize("profile", PROFILES)
def test_pushed_images_can_replace_the_public_one(profile):
    for resource in seccom(profile, images="ecr"):
        if resource.kind == "TaskDefinition":
            assert resource.image.name == f"{resource.name}:latest" and resource.command == ()


def test_pushed_images_get_the_addresses_of_their_stores():
    definitions = {each.name: each for each in seccom("ha", images="ecr").of(TaskDefinition)}
    found = {
        name: {variable: value if isinstance(value, str) else value.name for variable, value in each.environment}
        for name, each in definitions.items()
    }
    assert found == {
        "client-web-ui": {},
        "manager-web-ui": {"API_URL": "http://alb"},
        "intrusion-management-api": {
            "ALB_PREFIX": "/intrusion-management-api",
            "CLIPS_BUCKET": "clips",
            "CACHE_URL": "redis://redis:6379",
        },
        "sites-management-api": {
            "ALB_PREFIX": "/sites-management-api",
            "DATABASE_URL": "postgresql://seccom@database:5432/sites",
        },
        "cameras-api": {},
        "hdm": {"API_URL": "http://alb"},
    }
    assert [name for name, each in definitions.items() if each.secrets] == ["sites-management-api"]
    assert not any(each.secrets or each.task_role for each in seccom("ha").of(TaskDefinition))


def test_pushed_images_cost_what_the_public_one_costs():
    assert monthly(seccom("ha", images="ecr")) == monthly(seccom("ha"))


def test_warn_at_usd_adds_a_budget_and_alarms():
    added = {r.key for r in seccom("ha", warn_at_usd=10)} - {r.key for r in seccom("ha")}
    assert Counter(kind for kind, _ in added) == {"Budget": 1, "Alarm": 3}


def test_the_first_drawing_has_one_zone_and_a_third_rule():
    drawn = seccom_as_drawn()
    assert {resource.zone for resource in drawn if resource.kind == "Subnet"} == {"a"}
    assert len(drawn.of(ListenerRule)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile": "gold"}, "no profile 'gold'; the profiles are: ha, budget, fargate"),
        ({"profile": "ha", "services": ["web"]}, "no service web; the services are: client-web-ui"),
        ({"profile": "ha", "services": []}, "no service was named"),
        ({"profile": "ha", "services": ["sites-management-api"]}, "whose default is client-web-ui"),
        ({"profile": "ha", "images": "docker.io"}, "no image source 'docker.io'"),
    ],
)
def test_invalid_arguments_are_rejected_with_the_valid_values(arguments, message):
    with pytest.raises(UsageError, match=message):
        seccom(**arguments)
