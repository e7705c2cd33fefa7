"""Scaling: alarms, metrics, scaling policies with their alarms, scalable targets."""

from typing import Any

from tests.local.cases import case, outcome

TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/c/s",
    "ScalableDimension": "ecs:service:DesiredCount",
}


def _service(account: Any) -> Any:
    """Create a service without tasks and with a maximum of four; return the client of Application Auto Scaling."""
    ecs, scaling = account.client("ecs"), account.client("application-autoscaling")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="t", containerDefinitions=[{"name": "t", "image": "nginx", "memory": 64}])
    ecs.create_service(cluster="c", serviceName="s", taskDefinition="t", desiredCount=0)
    scaling.register_scalable_target(**TARGET, MinCapacity=0, MaxCapacity=4)
    return scaling


def _track(scaling: Any, target: float) -> None:
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    scaling.put_scaling_policy(
        **TARGET,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": target, "PredefinedMetricSpecification": metric},
    )


def _alarm(account: Any) -> Any:
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="a",
        Namespace="Team",
        MetricName="Depth",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    return cloudwatch


# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
@case("a minimum above the number of tasks raises the number", aws=2, stock=0)
def case_minimum(account: Any) -> Any:
    _service(account).register_scalable_target(**TARGET, MinCapacity=2)
    return account.client("ecs").describe_services(cluster="c", services=["s"])["services"][0]["desiredCount"]


# https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
@case("the alarms of target tracking are at its target and at 90 percent of it", aws=[70.0, 63.0], stock=[6.0, 6.0])
def case_thresholds(account: Any) -> Any:
    _track(_service(account), 70.0)
    return [alarm["Threshold"] for alarm in account.client("cloudwatch").describe_alarms()["MetricAlarms"]]


@case("an updated scaling policy keeps its ARN and its alarms", aws=(2, 1), stock=(4, 2))
def case_put_again(account: Any) -> Any:
    scaling, arns = _service(account), set()
    for target in (70.0, 80.0):
        _track(scaling, target)
        arns.update(
            policy["PolicyARN"]
            for policy in scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
        )
    return len(account.client("cloudwatch").describe_alarms()["MetricAlarms"]), len(arns)


# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html
@case("scaling activities are described", aws=["Setting desired count to 2."], stock="500")
def case_activities(account: Any) -> Any:
    scaling = _service(account)
    scaling.register_scalable_target(**TARGET, MinCapacity=2)

    def described() -> Any:
        found = scaling.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"]
        return [activity["Description"] for activity in found]

    return outcome(described)


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
@case("a new alarm has insufficient data", aws="INSUFFICIENT_DATA", stock="OK")
def case_new_alarm(account: Any) -> Any:
    return _alarm(account).describe_alarms()["MetricAlarms"][0]["StateValue"]


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
@case("an updated alarm keeps its state", aws="ALARM", stock="OK")
def case_changed_alarm(account: Any) -> Any:
    _alarm(account).set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="a rehearsal")
    return _alarm(account).describe_alarms()["MetricAlarms"][0]["StateValue"]


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
@case("alarms have a history", aws=['Alarm "a" created'], stock="500")
def case_alarm_history(account: Any) -> Any:
    cloudwatch = _alarm(account)
    return outcome(
        lambda: [item["HistorySummary"] for item in cloudwatch.describe_alarm_history()["AlarmHistoryItems"]]
    )


# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
@case("a running instance has a CPU utilization", aws=1, stock=0)
def case_instance_metrics(account: Any) -> Any:
    ec2 = account.client("ec2")
    created = ec2.run_instances(ImageId="ami-760aaa0f", InstanceType="t2.micro", MinCount=1, MaxCount=1)["Instances"][0]
    ec2.get_waiter("instance_running").wait(InstanceIds=[created["InstanceId"]])
    dimensions = [{"Name": "InstanceId", "Value": created["InstanceId"]}]
    params = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": dimensions}
    return len(account.client("cloudwatch").list_metrics(**params)["Metrics"])


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html
@case("a policy of an Auto Scaling group has an ARN", aws="policyName/p", stock="")
def case_group_policy(account: Any) -> Any:
    autoscaling = account.client("autoscaling")
    autoscaling.create_launch_configuration(
        LaunchConfigurationName="l", ImageId="ami-760aaa0f", InstanceType="t2.micro"
    )
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="g",
        LaunchConfigurationName="l",
        MinSize=0,
        MaxSize=1,
        AvailabilityZones=account.zones()[:1],
    )
    created = autoscaling.put_scaling_policy(
        AutoScalingGroupName="g", PolicyName="p", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
    )
    return created.get("PolicyARN", "").split(":")[-1]
