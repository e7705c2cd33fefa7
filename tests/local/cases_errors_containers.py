"""Errors about clusters, services, tasks, capacity providers and Auto Scaling groups."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.local.cases import case, outcome
from tests.local.cases_corrections import create_listener, create_target_group

STRATEGY = [{"capacityProvider": "p", "weight": 1}]


def refusal(call: Callable[[], Any]) -> str | None:
    """Return the code and the message of a call's error; None without an error."""
    try:
        call()
    except ClientError as error:
        return "{Code}: {Message}".format(**error.response["Error"])
    return None


class Site:
    """A cluster `c`, a family `f` whose container uses host port 8001, and container instances."""

    def __init__(self, account: Any, instances: int = 0, **container: Any) -> None:
        self.account, self.ec2, self.ecs = account, account.client("ec2"), account.client("ecs")
        self.ecs.create_cluster(clusterName="c")
        mapping = {"containerPort": 80, "hostPort": 8001}
        described = {"name": "c", "image": "nginx", "memory": 256, "portMappings": [mapping], **container}
        self.ecs.register_task_definition(family="f", containerDefinitions=[described])
        self.instances = []
        if instances:
            launched = self.ec2.run_instances(
                ImageId="ami-760aaa0f", MinCount=instances, MaxCount=instances, InstanceType="t2.micro"
            )
            self.instances = [instance["InstanceId"] for instance in launched["Instances"]]
        for instance in self.instances:
            document = json.dumps({"instanceId": instance, "region": account.region})
            self.ecs.register_container_instance(
                cluster="c", instanceIdentityDocument=document, instanceIdentityDocumentSignature="x"
            )

    def run(self, **settings: Any) -> Any:
        return self.ecs.run_task(cluster="c", taskDefinition="f", **settings)

    def create_service(self, **settings: Any) -> Any:
        return self.ecs.create_service(
            cluster="c", **{"serviceName": "s", "taskDefinition": "f", "desiredCount": 0, **settings}
        )

    def create_provider(self, name: str = "p", group: str = "g") -> Any:
        arn = f"arn:aws:autoscaling:{self.account.region}:1:autoScalingGroup:x:autoScalingGroupName/{group}"
        return self.ecs.create_capacity_provider(name=name, autoScalingGroupProvider={"autoScalingGroupArn": arn})

    def use_providers(self, *providers: str) -> Any:
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
    "a cluster with a service cannot be deleted",
    aws=("ClusterContainsServicesException: The Cluster cannot be deleted while Services are active.", None),
    stock=(None, None),
)
def case_cluster_with_service(account: Any) -> Any:
    site = Site(account)
    site.create_service(desiredCount=0)
    error = site.delete_cluster()
    site.ecs.delete_service(cluster="c", service="s")
    return error, site.delete_cluster()


@case(
    "a cluster with a container instance cannot be deleted",
    aws=(
        "ClusterContainsContainerInstancesException: "
        "The Cluster cannot be deleted while Container Instances are active or draining.",
        None,
    ),
    stock=(None, None),
)
def case_cluster_with_instance(account: Any) -> Any:
    site = Site(account, instances=1)
    error = site.delete_cluster()
    site.deregister()
    return error, site.delete_cluster()


@case(
    "a cluster with a task cannot be deleted",
    aws=("ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active.", None),
    stock=(None, None),
)
def case_cluster_with_task(account: Any) -> Any:
    site = Site(account, instances=1)
    task = site.run()["tasks"][0]["taskArn"]
    (instance,) = site.ecs.list_container_instances(cluster="c")["containerInstanceArns"]
    site.ecs.deregister_container_instance(cluster="c", containerInstance=instance, force=True)
    error = site.delete_cluster()
    site.ecs.stop_task(cluster="c", task=task)
    return error, site.delete_cluster()


@case(
    "the name of a cluster or family contains neither spaces nor dots",
    aws=(
        "InvalidParameterException",
        "InvalidParameterException",
        "ClientException: Family contains invalid characters.",
    ),
    stock=(None, None, None),
)
def case_names(account: Any) -> Any:
    ecs = account.client("ecs")
    container = {"name": "c", "image": "nginx", "memory": 256}
    blank, long = (refusal(partial(ecs.create_cluster, clusterName=name)) for name in ("a b", "c" * 256))
    dot = refusal(lambda: ecs.register_task_definition(family="f.g", containerDefinitions=[container]))
    return blank and blank.split(":")[0], long and long.split(":")[0], dot


# --- services


@case(
    "a service cannot be created twice",
    aws="InvalidParameterException: Creation of service was not idempotent.",
    stock=None,
)
def case_service_twice(account: Any) -> Any:
    site = Site(account)
    site.create_service()
    return refusal(site.create_service)


@case("the same client token returns the same service", aws=(0, "InvalidParameterException"), stock=(0, 2))
def case_service_token(account: Any) -> Any:
    site = Site(account)

    def count(token: str, requested: int) -> Any:
        return outcome(
            lambda: site.create_service(clientToken=token, desiredCount=requested)["service"]["desiredCount"]
        )

    count("one", 0)
    return count("one", 0), count("another", 2)


@case("a deleted service can be created again", aws="ACTIVE", stock="ACTIVE")
def case_service_again(account: Any) -> Any:
    site = Site(account)
    site.create_service()
    site.ecs.delete_service(cluster="c", service="s")
    return site.create_service()["service"]["status"]


@case("a deleted service cannot be updated", aws="ServiceNotActiveException: Service was not ACTIVE.", stock=None)
def case_change_of_the_deleted(account: Any) -> Any:
    site = Site(account)
    site.create_service()
    site.ecs.delete_service(cluster="c", service="s")
    return refusal(lambda: site.ecs.update_service(cluster="c", service="s", desiredCount=1))


@case(
    "a service with a desired count can be deleted only with force",
    aws=("InvalidParameterException: The service cannot be stopped while it is scaled above 0.", None),
    stock=("InvalidParameterException: The service cannot be stopped while it is scaled above 0.", None),
)
def case_scaled_service(account: Any) -> Any:
    site = Site(account)
    site.create_service(desiredCount=1)
    return tuple(
        refusal(partial(site.ecs.delete_service, cluster="c", service="s", force=force)) for force in (False, True)
    )


@case(
    "the target group of a service needs a load balancer",
    aws=(
        "InvalidParameterException: The target group with targetGroupArn {} does not have an associated load balancer.",
        None,
    ),
    stock=(None, None),
)
def case_lonely_target_group(account: Any) -> Any:
    site = Site(account)

    def create_with(group: str, name: str) -> str | None:
        balancer = {"targetGroupArn": group, "containerName": "c", "containerPort": 80}
        error = refusal(lambda: site.create_service(serviceName=name, loadBalancers=[balancer]))
        return error and error.replace(group, "{}")

    _, _, forwarded = create_listener(account)
    lonely = account.client("elbv2").create_target_group(
        Name="lonely", Protocol="HTTP", Port=80, VpcId=account.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    )["TargetGroups"][0]["TargetGroupArn"]
    return create_with(lonely, "lonely"), create_with(forwarded, "served")


@case(
    "the container and port of a service must be in its task definition",
    aws=(
        "InvalidParameterException: The container d does not exist in the task definition.",
        "InvalidParameterException: The container c did not have a container port 81 defined.",
    ),
    stock=(None, None),
)
def case_missing_port(account: Any) -> Any:
    site, group = Site(account), create_target_group(account)

    def create_with(name: str, port: int) -> str | None:
        balancer = {"targetGroupArn": group, "containerName": name, "containerPort": port}
        return refusal(lambda: site.create_service(loadBalancers=[balancer]))

    return create_with("d", 80), create_with("c", 81)


@case(
    "a new revision must have the container port of the service",
    aws="InvalidParameterException: The container c did not have a container port 80 defined.",
    stock=None,
)
def case_other_port(account: Any) -> Any:
    site, (_, _, group) = Site(account), create_listener(account)
    site.create_service(loadBalancers=[{"targetGroupArn": group, "containerName": "c", "containerPort": 80}])
    container = {"name": "c", "image": "nginx", "memory": 256, "portMappings": [{"containerPort": 8080}]}
    site.ecs.register_task_definition(family="f", containerDefinitions=[container])
    return refusal(lambda: site.ecs.update_service(cluster="c", service="s", taskDefinition="f"))


# --- tasks


@case(
    "a cluster without container instances runs no task on EC2",
    aws="InvalidParameterException: No Container Instances were found in your cluster.",
    stock="500",
)
def case_no_instances(account: Any) -> Any:
    error = refusal(Site(account).run)
    return error and error.split(": <")[0]


def placed(answer: dict[str, Any]) -> tuple[int, list[str]]:
    return len(answer["tasks"]), [failure["reason"] for failure in answer["failures"]]


@case(
    "a host port is used by one task per instance; failures list the reason",
    aws=[(2, ["RESOURCE:PORTS", "RESOURCE:PORTS"]), (0, ["RESOURCE:PORTS", "RESOURCE:PORTS"])],
    stock=[(2, []), (0, [])],
)
def case_host_port(account: Any) -> Any:
    site = Site(account, instances=2)
    return [placed(site.run(count=count)) for count in (3, 1)]


@case(
    "failures list missing memory and CPU",
    aws=[(0, ["RESOURCE:MEMORY"]), (0, ["RESOURCE:CPU"])],
    stock=[(0, []), (0, [])],
)
def case_lacking(account: Any) -> Any:
    site = Site(account, instances=1)
    for family, requested in (("memory", {"memory": 9000}), ("cpu", {"memory": 64, "cpu": 8192})):
        described = {"name": "c", "image": "nginx", **requested}
        site.ecs.register_task_definition(family=family, containerDefinitions=[described])
    return [placed(site.ecs.run_task(cluster="c", taskDefinition=family)) for family in ("memory", "cpu")]


@case("no task is placed on an instance with a disconnected agent", aws=(0, ["AGENT"]), stock=(1, []))
def case_stopped_host(account: Any) -> Any:
    site = Site(account, instances=1)
    site.ec2.stop_instances(InstanceIds=site.instances)
    return placed(site.run())


@case("tasks with dynamic host ports fit on one instance", aws=(3, []), stock=(1, []))
def case_any_port(account: Any) -> Any:
    site = Site(account, instances=1, portMappings=[{"containerPort": 80, "hostPort": 0}])
    return placed(site.run(count=3))


@case("the same client token returns the same task", aws=(True, 1, "ConflictException"), stock=(False, 2, 1))
def case_task_token(account: Any) -> Any:
    site = Site(account, instances=3)

    def run(**settings: Any) -> Any:
        return outcome(lambda: [task["taskArn"] for task in site.run(clientToken="one", **settings)["tasks"]])

    first, second = run(), run()
    tasks = len(site.ecs.list_tasks(cluster="c")["taskArns"])
    other = run(startedBy="another")
    return first == second, tasks, other if isinstance(other, str) else len(other)


def bindings_of(site: Site, arn: str) -> tuple[Any, ...]:
    (container,) = site.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]["containers"]
    ports = [
        (binding["containerPort"], binding["hostPort"], binding["protocol"])
        for binding in container.get("networkBindings", [])
    ]
    return container["lastStatus"], container["taskArn"] == arn, ports


@case(
    "the container of a running task is running and has network bindings",
    aws=("RUNNING", True, [(80, 8001, "tcp")]),
    stock=("PENDING", False, []),
)
def case_bindings(account: Any) -> Any:
    site = Site(account, instances=1)
    return bindings_of(site, site.run()["tasks"][0]["taskArn"])


@case(
    "each task gets a dynamic host port",
    aws=[("RUNNING", True, [(80, 32768, "tcp")]), ("RUNNING", True, [(80, 32769, "tcp")])],
    stock=[("PENDING", False, [])],
)
def case_free_ports(account: Any) -> Any:
    site = Site(account, instances=1, portMappings=[{"containerPort": 80}])
    requested = 2 if account.wrapped else 1
    return [bindings_of(site, task["taskArn"]) for task in site.run(count=requested)["tasks"]]


@case("the container of a stopped task is stopped", aws="STOPPED", stock="PENDING")
def case_stopped_container(account: Any) -> Any:
    site = Site(account, instances=1)
    arn = site.run()["tasks"][0]["taskArn"]
    site.ecs.stop_task(cluster="c", task=arn)
    return bindings_of(site, arn)[0]


@case(
    "a container instance with tasks can be deregistered only with force",
    aws=("InvalidParameterException: Found running tasks on the instance.", None),
    stock=("InvalidParameterException: Found running tasks on the instance.", None),
)
def case_deregister(account: Any) -> Any:
    site = Site(account, instances=1)
    site.run()
    return refusal(site.deregister), refusal(lambda: site.deregister(force=True))


@case(
    "only a deregistered task definition can be deleted",
    aws=(0, "still in ACTIVE status", "InvalidParameterException"),
    stock=(0, "still in ACTIVE status", "InvalidParameterException"),
)
def case_active_definition(account: Any) -> Any:
    ecs = Site(account).ecs
    answer = ecs.delete_task_definitions(taskDefinitions=["f:1"])
    reason = answer["failures"][0]["reason"]
    many = outcome(lambda: ecs.delete_task_definitions(taskDefinitions=[f"f:{number}" for number in range(11)]))
    return len(answer["taskDefinitions"]), reason[reason.index("still") : reason.index(".")], many


@case(
    "a deregistered task definition cannot be used for new tasks or services",
    aws=["ClientException: TaskDefinition is inactive"] * 3 + [None],
    stock=[None] * 4,
)
def case_inactive_definition(account: Any) -> Any:
    site = Site(account, instances=1)
    site.create_service()
    site.create_service(serviceName="old", taskDefinition="f:1")
    site.ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "nginx", "memory": 256}])
    site.ecs.update_service(cluster="c", service="s", taskDefinition="f:2")
    site.ecs.deregister_task_definition(taskDefinition="f:1")
    return [
        refusal(partial(site.ecs.run_task, cluster="c", taskDefinition="f:1")),
        refusal(partial(site.create_service, serviceName="new", taskDefinition="f:1")),
        refusal(partial(site.ecs.update_service, cluster="c", service="s", taskDefinition="f:1")),
        refusal(partial(site.ecs.update_service, cluster="c", service="old", taskDefinition="f:1")),
    ]


# --- capacity providers


@case(
    "the name and the group of a capacity provider are unique",
    aws=(
        "ClientException: The specified capacity provider already exists. To change the configuration of an existing "
        "capacity provider, update the capacity provider.",
        "ClientException: The specified Auto Scaling group ARN is already being used by another capacity provider. "
        "Specify a unique Auto Scaling group ARN and try again.",
        None,
    ),
    stock=(None, None, None),
)
def case_provider_twice(account: Any) -> Any:
    site = Site(account)
    site.create_provider()
    pairs = (("p", "other"), ("other", "g"), ("other", "other"))
    return tuple(refusal(partial(site.create_provider, *pair)) for pair in pairs)


@case(
    "the name of a capacity provider does not start with aws, ecs or fargate",
    aws=["ClientException"] * 5 + ["ACTIVE"],
    stock=["ACTIVE"] * 6,
)
def case_reserved_names(account: Any) -> Any:
    site = Site(account)
    names = ("aws-p", "ecs-p", "fargate-p", "Ecs-p", "p.q", "my-aws")

    def create_status(name: str) -> Any:
        return outcome(lambda: site.create_provider(name, name)["capacityProvider"]["status"])

    return [create_status(name) for name in names]


@case(
    "deleting a capacity provider that a cluster uses returns DELETE_FAILED",
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
def case_provider_in_cluster(account: Any) -> Any:
    site = Site(account)
    site.create_provider()
    site.use_providers("p")

    def described() -> Any:
        return site.ecs.describe_capacity_providers(capacityProviders=["p"])["capacityProviders"]

    answer = site.ecs.delete_capacity_provider(capacityProvider="p")
    provider, kept = answer["capacityProvider"], described()
    site.use_providers()
    if kept:
        site.ecs.delete_capacity_provider(capacityProvider="p")
    return (
        answer["ResponseMetadata"]["HTTPStatusCode"],
        provider.get("updateStatus"),
        provider.get("updateStatusReason"),
        [kept[0]["status"], kept[0]["updateStatus"]] if kept else None,
        len(described()),
    )


@case("a capacity provider can be deleted after its cluster", aws=0, stock=0)
def case_provider_after_cluster(account: Any) -> Any:
    site = Site(account)
    site.create_provider()
    site.use_providers("p")
    site.ecs.delete_cluster(cluster="c")
    site.ecs.delete_capacity_provider(capacityProvider="p")
    return len(site.ecs.describe_capacity_providers(capacityProviders=["p"])["capacityProviders"])


@case("an unknown capacity provider cannot be deleted", aws="ClientException", stock="500")
def case_provider_missing(account: Any) -> Any:
    ecs = account.client("ecs")
    return outcome(lambda: ecs.delete_capacity_provider(capacityProvider="p"))


@case(
    "a capacity provider that a service uses cannot be removed",
    aws=("ResourceInUseException: The specified capacity provider is in use and cannot be removed.", None),
    stock=(None, None),
)
def case_provider_of_service(account: Any) -> Any:
    site = Site(account)
    site.create_provider()
    site.use_providers("p")
    site.create_service(capacityProviderStrategy=STRATEGY)
    error = refusal(site.use_providers)
    site.ecs.delete_service(cluster="c", service="s")
    return error, refusal(site.use_providers)


@case("a capacity provider that a task uses cannot be removed", aws=("ResourceInUseException", []), stock=([], []))
def case_provider_of_task(account: Any) -> Any:
    site = Site(account, instances=1)
    site.create_provider()
    site.use_providers("p")
    task = site.run(capacityProviderStrategy=STRATEGY)["tasks"][0]["taskArn"]
    error = outcome(lambda: site.use_providers()["cluster"]["capacityProviders"])
    site.ecs.stop_task(cluster="c", task=task)
    return error, outcome(lambda: site.use_providers()["cluster"]["capacityProviders"])


# --- Auto Scaling


def a_group(account: Any) -> tuple[Any, dict[str, Any]]:
    template = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.micro"}
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
    "a group with instances can be deleted only with force",
    aws=(
        "ResourceInUse: You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
        "request(s) still in the group.",
        0,
    ),
    stock=(None, 0),
)
def case_group_with_instances(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    error = refusal(lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g"))
    if error:
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
    return error, len(autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"])


@case("a group without instances can be deleted", aws=None, stock=None)
def case_empty_group(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", DesiredCapacity=0)
    while autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"]:
        """They are terminating."""
    return refusal(lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g"))


@case(
    "the name of a group is unique",
    aws="AlreadyExists: AutoScalingGroup by this name already exists - A group with the name g already exists",
    stock=None,
)
def case_group_twice(account: Any) -> Any:
    autoscaling, settings = a_group(account)
    return refusal(lambda: autoscaling.create_auto_scaling_group(**settings))


@case(
    "managed termination protection needs a group with scale-in protection",
    aws=("ClientException", "ACTIVE"),
    stock=("ACTIVE", "ACTIVE"),
)
def case_protection(account: Any) -> Any:
    autoscaling, _ = a_group(account)
    group = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupARN"]
    provider = {"autoScalingGroupArn": group, "managedTerminationProtection": "ENABLED"}
    create = account.client("ecs").create_capacity_provider

    def create_status() -> Any:
        return outcome(lambda: create(name="p", autoScalingGroupProvider=provider)["capacityProvider"]["status"])

    error = create_status()
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="g", NewInstancesProtectedFromScaleIn=True)
    return error, create_status()


@case("a launch template can be deleted while a group uses it", aws=None, stock=None)
def case_template_in_use(account: Any) -> Any:
    a_group(account)
    return refusal(lambda: account.client("ec2").delete_launch_template(LaunchTemplateName="host"))


@case(
    "the maximum of a scalable target is not below its minimum",
    aws=("ValidationException", "ValidationException", None),
    stock=(None, None, None),
)
def case_bounds(account: Any) -> Any:
    Site(account).create_service()
    scaling = account.client("application-autoscaling")
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/c/s",
        "ScalableDimension": "ecs:service:DesiredCount",
    }

    def bound(**bounds: int) -> Any:
        error = refusal(lambda: scaling.register_scalable_target(**target, **bounds))
        return error and error.split(":")[0]

    first = bound(MinCapacity=3, MaxCapacity=2)
    bound(MinCapacity=1, MaxCapacity=2)
    return first, bound(MinCapacity=3), bound(MinCapacity=2)
