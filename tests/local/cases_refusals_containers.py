"""What AWS refuses of clusters, services, tasks, capacity providers and Auto Scaling groups."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.local.cases import case, outcome
from tests.local.cases_mends import a_listener, a_target_group

STRATEGY = [{"capacityProvider": "p", "weight": 1}]


def refusal(call: Callable[[], Any]) -> str | None:
    """The code and the message of the error that a call ends in."""
    try:
        call()
    except ClientError as error:
        return "{Code}: {Message}".format(**error.response["Error"])
    return None


class Site:
    """A cluster `c`, a family `f` whose container takes host port 8001, and `hosts` container instances."""

    def __init__(self, account: Any, hosts: int = 0, **container: Any) -> None:
        self.account, self.ec2, self.ecs = account, account.client("ec2"), account.client("ecs")
        self.ecs.create_cluster(clusterName="c")
        mapping = {"containerPort": 80, "hostPort": 8001}
        described = {"name": "c", "image": "nginx", "memory": 256, "portMappings": [mapping], **container}
        self.ecs.register_task_definition(family="f", containerDefinitions=[described])
        self.instances = []
        if hosts:
            launched = self.ec2.run_instances(ImageId="ami-1", MinCount=hosts, MaxCount=hosts, InstanceType="t2.micro")
            self.instances = [instance["InstanceId"] for instance in launched["Instances"]]
        for instance in self.instances:
            document = json.dumps({"instanceId": instance, "region": account.region})
            self.ecs.register_container_instance(
                cluster="c", instanceIdentityDocument=document, instanceIdentityDocumentSignature="x"
            )

    def run(self, **settings: Any) -> Any:
        return self.ecs.run_task(cluster="c", taskDefinition="f", **settings)

    def serve(self, **settings: Any) -> Any:
        return self.ecs.create_service(
            cluster="c", **{"serviceName": "s", "taskDefinition": "f", "desiredCount": 0, **settings}
        )

    def provide(self, name: str = "p", group: str = "g") -> Any:
        arn = f"arn:aws:autoscaling:{self.account.region}:1:autoScalingGroup:x:autoScalingGroupName/{group}"
        return self.ecs.create_capacity_provider(name=name, autoScalingGroupProvider={"autoScalingGroupArn": arn})

    def use(self, *providers: str) -> Any:
        return self.ecs.put_cluster_capacity_providers(
            cluster="c", capacityProviders=list(providers), defaultCapacityProviderStrategy=[]
        )

    def delete_cluster(self) -> Any:
        return refusal(lambda: self.ecs.delete_cluster(cluster="c"))

    def deregister(self, **settings: Any) -> Any:
        (instance,) = self.ecs.list_container_instances(cluster="c")["containerInstanceArns"]
        return self.ecs.deregister_container_instance(cluster="c", containerInstance=instance, **settings)


# --- clusters


@case(
    "a cluster with a service is not deleted",
    aws=("ClusterContainsServicesException: The Cluster cannot be deleted while Services are active.", None),
    stock=(None, None),
)
def ask_cluster_with_service(account: Any) -> Any:
    site = Site(account)
    site.serve(desiredCount=0)
    refused = site.delete_cluster()
    site.ecs.delete_service(cluster="c", service="s")
    return refused, site.delete_cluster()


@case(
    "a cluster with a container instance is not deleted",
    aws=(
        "ClusterContainsContainerInstancesException: "
        "The Cluster cannot be deleted while Container Instances are active or draining.",
        None,
    ),
    stock=(None, None),
)
def ask_cluster_with_instance(account: Any) -> Any:
    site = Site(account, hosts=1)
    refused = site.delete_cluster()
    site.deregister()
    return refused, site.delete_cluster()


@case(
    "a cluster with a task is not deleted",
    aws=("ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active.", None),
    stock=(None, None),
)
def ask_cluster_with_task(account: Any) -> Any:
    site = Site(account)
    task = site.run(launchType="FARGATE")["tasks"][0]["taskArn"]
    refused = site.delete_cluster()
    site.ecs.stop_task(cluster="c", task=task)
    return refused, site.delete_cluster()


@case(
    "a name with a blank or a dot is none for a cluster or a family",
    aws=(
        "InvalidParameterException",
        "InvalidParameterException",
        "ClientException: Family contains invalid characters.",
    ),
    stock=(None, None, None),
)
def ask_names(account: Any) -> Any:
    ecs = account.client("ecs")
    container = {"name": "c", "image": "nginx", "memory": 256}
    blank, long = (refusal(partial(ecs.create_cluster, clusterName=name)) for name in ("a b", "c" * 256))
    dot = refusal(lambda: ecs.register_task_definition(family="f.g", containerDefinitions=[container]))
    return blank and blank.split(":")[0], long and long.split(":")[0], dot


# --- services


@case(
    "a service is created once",
    aws="InvalidParameterException: Creation of service was not idempotent.",
    stock=None,
)
def ask_service_twice(account: Any) -> Any:
    site = Site(account)
    site.serve()
    return refusal(site.serve)


@case("the same token gives the same service", aws=(0, "InvalidParameterException"), stock=(1, 2))
def ask_service_token(account: Any) -> Any:
    site = Site(account)

    def count(token: str, wanted: int) -> Any:
        return outcome(lambda: site.serve(clientToken=token, desiredCount=wanted)["service"]["desiredCount"])

    count("one", 0)
    return count("one", 1), count("another", 2)


@case("a deleted service can be created again", aws="ACTIVE", stock="ACTIVE")
def ask_service_again(account: Any) -> Any:
    site = Site(account)
    site.serve()
    site.ecs.delete_service(cluster="c", service="s")
    return site.serve()["service"]["status"]


@case("a deleted service is not changed", aws="ServiceNotActiveException: Service was not ACTIVE.", stock=None)
def ask_change_of_the_deleted(account: Any) -> Any:
    site = Site(account)
    site.serve()
    site.ecs.delete_service(cluster="c", service="s")
    return refusal(lambda: site.ecs.update_service(cluster="c", service="s", desiredCount=1))


@case(
    "a service that wants tasks is deleted by force only",
    aws=("InvalidParameterException: The service cannot be stopped while it is scaled above 0.", None),
    stock=("InvalidParameterException: The service cannot be stopped while it is scaled above 0.", None),
)
def ask_scaled_service(account: Any) -> Any:
    site = Site(account)
    site.serve(desiredCount=1)
    return tuple(
        refusal(partial(site.ecs.delete_service, cluster="c", service="s", force=force)) for force in (False, True)
    )


@case(
    "a service is for a target group that a load balancer forwards to",
    aws=(
        "InvalidParameterException: The target group with targetGroupArn {} does not have an associated load balancer.",
        None,
    ),
    stock=(None, None),
)
def ask_lonely_target_group(account: Any) -> Any:
    site = Site(account)

    def served(group: str, name: str) -> str | None:
        balancer = {"targetGroupArn": group, "containerName": "c", "containerPort": 80}
        refused = refusal(lambda: site.serve(serviceName=name, loadBalancers=[balancer]))
        return refused and refused.replace(group, "{}")

    _, _, forwarded = a_listener(account)
    lonely = account.client("elbv2").create_target_group(
        Name="lonely", Protocol="HTTP", Port=80, VpcId=account.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    )["TargetGroups"][0]["TargetGroupArn"]
    return served(lonely, "lonely"), served(forwarded, "served")


@case(
    "a service is for a container and a port of its task definition",
    aws=(
        "InvalidParameterException: The container d does not exist in the task definition.",
        "InvalidParameterException: The container c did not have a container port 81 defined.",
    ),
    stock=(None, None),
)
def ask_missing_port(account: Any) -> Any:
    site, group = Site(account), a_target_group(account)

    def served(name: str, port: int) -> str | None:
        balancer = {"targetGroupArn": group, "containerName": name, "containerPort": port}
        return refusal(lambda: site.serve(loadBalancers=[balancer]))

    return served("d", 80), served("c", 81)


# --- tasks


@case(
    "no task runs in a cluster without instances",
    aws="InvalidParameterException: No Container Instances were found in your cluster.",
    stock="500",
)
def ask_no_instances(account: Any) -> Any:
    refused = refusal(Site(account).run)
    return refused and refused.split(": <")[0]


def placed(answer: dict[str, Any]) -> tuple[int, list[str]]:
    return len(answer["tasks"]), [failure["reason"] for failure in answer["failures"]]


@case(
    "a host port is for one task of an instance, and the others are told so",
    aws=[(2, ["RESOURCE:PORTS", "RESOURCE:PORTS"]), (0, ["RESOURCE:PORTS", "RESOURCE:PORTS"])],
    stock=[(2, []), (0, [])],
)
def ask_host_port(account: Any) -> Any:
    site = Site(account, hosts=2)
    return [placed(site.run(count=count)) for count in (3, 1)]


@case(
    "what a task lacks is told",
    aws=[(0, ["RESOURCE:MEMORY"]), (0, ["RESOURCE:CPU"])],
    stock=[(0, []), (0, [])],
)
def ask_lacking(account: Any) -> Any:
    site = Site(account, hosts=1)
    for family, wanted in (("memory", {"memory": 9000}), ("cpu", {"memory": 64, "cpu": 8192})):
        described = {"name": "c", "image": "nginx", **wanted}
        site.ecs.register_task_definition(family=family, containerDefinitions=[described])
    return [placed(site.ecs.run_task(cluster="c", taskDefinition=family)) for family in ("memory", "cpu")]


@case("no task is placed where no agent answers", aws=(0, ["AGENT"]), stock=(1, []))
def ask_stopped_host(account: Any) -> Any:
    site = Site(account, hosts=1)
    site.ec2.stop_instances(InstanceIds=site.instances)
    return placed(site.run())


@case("tasks whose host port is free to choose fit on one instance", aws=(3, []), stock=(1, []))
def ask_any_port(account: Any) -> Any:
    site = Site(account, hosts=1, portMappings=[{"containerPort": 80, "hostPort": 0}])
    return placed(site.run(count=3))


@case("the same token gives the same task", aws=(True, 1, "ConflictException"), stock=(False, 2, 1))
def ask_task_token(account: Any) -> Any:
    site = Site(account, hosts=3)

    def run(**settings: Any) -> Any:
        return outcome(lambda: [task["taskArn"] for task in site.run(clientToken="one", **settings)["tasks"]])

    first, second = run(), run()
    tasks = len(site.ecs.list_tasks(cluster="c")["taskArns"])
    other = run(startedBy="another")
    return first == second, tasks, other if isinstance(other, str) else len(other)


def bindings_of(site: Site, arn: str) -> tuple[Any, ...]:
    (container,) = site.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]["containers"]
    ports = [
        (each["containerPort"], each["hostPort"], each["protocol"]) for each in container.get("networkBindings", [])
    ]
    return container["lastStatus"], container["taskArn"] == arn, ports


@case(
    "the container of a running task is running, and shows its ports",
    aws=("RUNNING", True, [(80, 8001, "tcp")]),
    stock=("PENDING", False, []),
)
def ask_bindings(account: Any) -> Any:
    site = Site(account, hosts=1)
    return bindings_of(site, site.run()["tasks"][0]["taskArn"])


@case(
    "a free host port is chosen for each task",
    aws=[("RUNNING", True, [(80, 32768, "tcp")]), ("RUNNING", True, [(80, 32769, "tcp")])],
    stock=[("PENDING", False, [])],
)
def ask_free_ports(account: Any) -> Any:
    site = Site(account, hosts=1, portMappings=[{"containerPort": 80}])
    wanted = 2 if account.wrapped else 1
    return [bindings_of(site, task["taskArn"]) for task in site.run(count=wanted)["tasks"]]


@case("the container of a stopped task has stopped", aws="STOPPED", stock="PENDING")
def ask_stopped_container(account: Any) -> Any:
    site = Site(account, hosts=1)
    arn = site.run()["tasks"][0]["taskArn"]
    site.ecs.stop_task(cluster="c", task=arn)
    return bindings_of(site, arn)[0]


@case(
    "a container instance with tasks is deregistered by force only",
    aws=("InvalidParameterException: Found running tasks on the instance.", None),
    stock=("InvalidParameterException: Found running tasks on the instance.", None),
)
def ask_deregister(account: Any) -> Any:
    site = Site(account, hosts=1)
    site.run()
    return refusal(site.deregister), refusal(lambda: site.deregister(force=True))


@case(
    "a task definition is deleted once it is deregistered",
    aws=(0, "still in ACTIVE status", "InvalidParameterException"),
    stock=(0, "still in ACTIVE status", "InvalidParameterException"),
)
def ask_active_definition(account: Any) -> Any:
    ecs = Site(account).ecs
    answer = ecs.delete_task_definitions(taskDefinitions=["f:1"])
    reason = answer["failures"][0]["reason"]
    many = outcome(lambda: ecs.delete_task_definitions(taskDefinitions=[f"f:{number}" for number in range(11)]))
    return len(answer["taskDefinitions"]), reason[reason.index("still") : reason.index(".")], many


@case(
    "nothing new starts from a deregistered task definition",
    aws=["ClientException: TaskDefinition is inactive"] * 3 + [None],
    stock=[None] * 4,
)
def ask_inactive_definition(account: Any) -> Any:
    site = Site(account, hosts=1)
    site.serve()
    site.serve(serviceName="old", taskDefinition="f:1")
    site.ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "nginx", "memory": 256}])
    site.ecs.update_service(cluster="c", service="s", taskDefinition="f:2")
    site.ecs.deregister_task_definition(taskDefinition="f:1")
    return [
        refusal(partial(site.ecs.run_task, cluster="c", taskDefinition="f:1")),
        refusal(partial(site.serve, serviceName="new", taskDefinition="f:1")),
        refusal(partial(site.ecs.update_service, cluster="c", service="s", taskDefinition="f:1")),
        refusal(partial(site.ecs.update_service, cluster="c", service="old", taskDefinition="f:1")),
    ]


# --- capacity providers


@case(
    "a capacity provider is the only one of its name and of its group",
    aws=(
        "ClientException: The specified capacity provider already exists. To change the configuration of an existing "
        "capacity provider, update the capacity provider.",
        "ClientException: The specified Auto Scaling group ARN is already being used by another capacity provider. "
        "Specify a unique Auto Scaling group ARN and try again.",
        None,
    ),
    stock=(None, None, None),
)
def ask_provider_twice(account: Any) -> Any:
    site = Site(account)
    site.provide()
    pairs = (("p", "other"), ("other", "g"), ("other", "other"))
    return tuple(refusal(partial(site.provide, *pair)) for pair in pairs)


@case(
    "names that begin like AWS's own are none for a capacity provider",
    aws=["ClientException"] * 5 + ["ACTIVE"],
    stock=["ACTIVE"] * 6,
)
def ask_reserved_names(account: Any) -> Any:
    site = Site(account)
    names = ("aws-p", "ecs-p", "fargate-p", "Ecs-p", "p.q", "my-aws")

    def provided(name: str) -> Any:
        return outcome(lambda: site.provide(name, name)["capacityProvider"]["status"])

    return [provided(name) for name in names]


@case(
    "deleting a capacity provider of a cluster fails with HTTP 200",
    aws=(
        200,
        "DELETE_FAILED",
        "The capacity provider cannot be deleted because it is associated with cluster: c. "
        "Remove the capacity provider from the cluster and try again.",
        ["ACTIVE", "DELETE_FAILED"],
        0,
    ),
    stock=(200, None, None, None, 0),
)
def ask_provider_in_cluster(account: Any) -> Any:
    site = Site(account)
    site.provide()
    site.use("p")

    def described() -> Any:
        return site.ecs.describe_capacity_providers(capacityProviders=["p"])["capacityProviders"]

    answer = site.ecs.delete_capacity_provider(capacityProvider="p")
    provider, kept = answer["capacityProvider"], described()
    site.use()
    if kept:
        site.ecs.delete_capacity_provider(capacityProvider="p")
    return (
        answer["ResponseMetadata"]["HTTPStatusCode"],
        provider.get("updateStatus"),
        provider.get("updateStatusReason"),
        [kept[0]["status"], kept[0]["updateStatus"]] if kept else None,
        len(described()),
    )


@case("a capacity provider goes once its cluster has gone", aws=0, stock=0)
def ask_provider_after_cluster(account: Any) -> Any:
    site = Site(account)
    site.provide()
    site.use("p")
    site.ecs.delete_cluster(cluster="c")
    site.ecs.delete_capacity_provider(capacityProvider="p")
    return len(site.ecs.describe_capacity_providers(capacityProviders=["p"])["capacityProviders"])


@case("a capacity provider that never was is not deleted", aws="ClientException", stock="500")
def ask_provider_missing(account: Any) -> Any:
    ecs = account.client("ecs")
    return outcome(lambda: ecs.delete_capacity_provider(capacityProvider="p"))


@case(
    "a cluster keeps a capacity provider that a service uses",
    aws=("ResourceInUseException: The specified capacity provider is in use and cannot be removed.", None),
    stock=(None, None),
)
def ask_provider_of_service(account: Any) -> Any:
    site = Site(account)
    site.provide()
    site.use("p")
    site.serve(capacityProviderStrategy=STRATEGY)
    refused = refusal(site.use)
    site.ecs.delete_service(cluster="c", service="s")
    return refused, refusal(site.use)


@case("a cluster keeps a capacity provider that a task uses", aws=("ResourceInUseException", []), stock=([], []))
def ask_provider_of_task(account: Any) -> Any:
    site = Site(account, hosts=1)
    site.provide()
    site.use("p")
    task = site.run(capacityProviderStrategy=STRATEGY)["tasks"][0]["taskArn"]
    refused = outcome(lambda: site.use()["cluster"]["capacityProviders"])
    site.ecs.stop_task(cluster="c", task=task)
    return refused, outcome(lambda: site.use()["cluster"]["capacityProviders"])


# --- Auto Scaling


def a_group(account: Any) -> tuple[Any, dict[str, Any]]:
    template = {"ImageId": "ami-1", "InstanceType": "t2.micro"}
    account.client("ec2").create_launch_template(LaunchTemplateName="host", LaunchTemplateData=template)
    settings = {
        "AutoScalingGroupName": "g",
        "LaunchTemplate": {"LaunchTemplateName": "host", "Version": "$Default"},
        "VPCZoneIdentifier": account.network()[1][0],
        "MinSize": 0,
        "MaxSize": 2,
        "DesiredCapacity": 1,
    }
    autoscaling = account.client("autoscaling")
    autoscaling.create_auto_scaling_group(**settings)
    return autoscaling, settings


@case(
    "a group with instances is deleted by force only",
    aws=(
        "ResourceInUse: You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
        "request(s) still in the group.",
        0,
    ),
    stock=(None, 0),
)
def ask_group_with_instances(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    refused = refusal(lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g"))
    if refused:
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
    return refused, len(autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"])


@case("a group that has shrunk to nothing is deleted", aws=None, stock=None)
def ask_empty_group(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", DesiredCapacity=0)
    while autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"]:
        """They are terminating."""
    return refusal(lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g"))


@case(
    "a group is the only one of its name",
    aws="AlreadyExists: AutoScalingGroup by this name already exists - A group with the name g already exists",
    stock=None,
)
def ask_group_twice(account: Any) -> Any:
    autoscaling, settings = a_group(account)
    return refusal(lambda: autoscaling.create_auto_scaling_group(**settings))


@case(
    "a capacity provider protects the instances of a group that protects them",
    aws=("ClientException", "ACTIVE"),
    stock=("ACTIVE", "ACTIVE"),
)
def ask_protection(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    group = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupARN"]
    provider = {"autoScalingGroupArn": group, "managedTerminationProtection": "ENABLED"}
    create = account.client("ecs").create_capacity_provider

    def provided() -> Any:
        return outcome(lambda: create(name="p", autoScalingGroupProvider=provider)["capacityProvider"]["status"])

    refused = provided()
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", NewInstancesProtectedFromScaleIn=True)
    return refused, provided()


@case("a launch template is deleted although a group uses it", aws=None, stock=None)
def ask_template_in_use(account: Any) -> Any:
    a_group(account)
    return refusal(lambda: account.client("ec2").delete_launch_template(LaunchTemplateName="host"))


@case(
    "a service scales between bounds that are in order",
    aws=("ValidationException", "ValidationException", None),
    stock=(None, None, None),
)
def ask_bounds(account: Any) -> Any:
    Site(account).serve()
    scaling = account.client("application-autoscaling")
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/c/s",
        "ScalableDimension": "ecs:service:DesiredCount",
    }

    def bound(**bounds: int) -> Any:
        refused = refusal(lambda: scaling.register_scalable_target(**target, **bounds))
        return refused and refused.split(":")[0]

    first = bound(MinCapacity=3, MaxCapacity=2)
    bound(MinCapacity=1, MaxCapacity=2)
    return first, bound(MinCapacity=3), bound(MinCapacity=2)
