"""What happens elsewhere because of a change: messages of alarms, events of services, schedules, registrations."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.local.test_auto_scaling_groups import Fleet
from tests.local.timing import advance, now

CLUSTER_SCRIPT = "#!/bin/bash\necho ECS_CLUSTER=site-cluster >> /etc/ecs/ecs.config\n"


class Queue:
    """A queue `q` that receives what a topic or a rule sends."""

    def __init__(self, account: Any) -> None:
        self.account, self.sqs = account, account.client("sqs")
        self.url = self.sqs.create_queue(QueueName="q")["QueueUrl"]
        self.arn = f"arn:aws:sqs:{account.region}:{account.id}:q"

    def subscribe(self) -> str:
        """Subscribe to a new topic, and return its ARN."""
        sns = self.account.client("sns")
        topic: str = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn)
        return topic

    def rule(self, pattern: dict[str, Any], **target: Any) -> None:
        """Send the events that match a pattern to the queue."""
        events = self.account.client("events")
        events.put_rule(Name="r", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": self.arn, **target}])

    def bodies(self) -> list[Any]:
        """Receive and delete all messages, and return their bodies."""
        bodies = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [json.loads(message["Body"]) for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


# --- alarms


def raise_alarm(account: Any, topic: str) -> Any:
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="a",
        Namespace="Team",
        MetricName="Depth",
        Dimensions=[{"Name": "Site", "Value": "x"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    for _ in range(3):
        data = {"MetricName": "Depth", "Dimensions": [{"Name": "Site", "Value": "x"}], "Value": 50.0}
        time = datetime.fromtimestamp(now(account), UTC)
        cloudwatch.put_metric_data(Namespace="Team", MetricData=[{**data, "Timestamp": time}])
        advance(account, "60s")
    return cloudwatch


def test_an_alarm_publishes_to_its_topic_in_the_words_of_cloudwatch(account: Any) -> None:
    queue = Queue(account)
    queue.rule({"source": ["aws.cloudwatch"], "detail": {"state": {"value": ["ALARM"]}}})
    cloudwatch = raise_alarm(account, queue.subscribe())
    published, event = sorted(queue.bodies(), key=lambda body: "source" in body)
    message = json.loads(published["Message"])
    assert published["Subject"].startswith('ALARM: "a" in ')
    assert (message["AlarmName"], message["OldStateValue"], message["NewStateValue"]) == (
        "a",
        "INSUFFICIENT_DATA",
        "ALARM",
    )
    assert "Threshold Crossed: 1 datapoint [50.0" in message["NewStateReason"]
    assert message["Trigger"] == {
        "MetricName": "Depth",
        "Namespace": "Team",
        "StatisticType": "Statistic",
        "Statistic": "AVERAGE",
        "Unit": None,
        "Dimensions": [{"value": "x", "name": "Site"}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 10.0,
        "TreatMissingData": "",
        "EvaluateLowSampleCountPercentile": "",
    }
    assert (event["detail-type"], event["detail"]["alarmName"]) == ("CloudWatch Alarm State Change", "a")
    history = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert [item["HistorySummary"].split(" arn")[0] for item in history] == ["Successfully executed action"]


def test_the_history_of_an_alarm_does_not_claim_a_message_to_a_missing_topic(account: Any) -> None:
    cloudwatch = raise_alarm(account, f"arn:aws:sns:{account.region}:{account.id}:missing")
    history = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert [item["HistorySummary"].split(" arn")[0] for item in history] == ["Failed to execute action"]
    assert json.loads(history[0]["HistoryData"])["actionState"] == "Failed"


def test_a_subscriber_that_cannot_be_reached_does_not_keep_the_message_from_others(account: Any) -> None:
    queue, sns = Queue(account), account.client("sns")
    topic = queue.subscribe()
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    account.client("sqs").create_queue(QueueName="gone")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn.replace(":q", ":gone"))
    account.client("sqs").delete_queue(QueueUrl=queue.url.replace("/q", "/gone"))
    sns.publish(TopicArn=topic, Message="hello")
    assert [body["Message"] for body in queue.bodies()] == ["hello"]


# --- EventBridge


def test_groups_instances_and_tasks_send_their_changes_to_eventbridge(account: Any) -> None:
    queue = Queue(account)
    queue.rule({"source": ["aws.ec2", "aws.autoscaling", "aws.ecs"]})
    fleet = Fleet(account, MinSize=1, MaxSize=1)
    fleet.ecs.create_cluster(clusterName="site-cluster")
    container = {"name": "site", "image": "nginx", "memory": 64}
    fleet.ecs.register_task_definition(family="site", containerDefinitions=[container])
    advance(account, "5m")
    fleet.ecs.create_service(cluster="site-cluster", serviceName="s", taskDefinition="site", desiredCount=1)
    advance(account, "10m")
    sent = queue.bodies()
    states = {
        kind: [body["detail"] for body in sent if body["detail-type"] == kind]
        for kind in (body["detail-type"] for body in sent)
    }
    assert [each["state"] for each in states["EC2 Instance State-change Notification"]] == ["pending", "running"]
    launch = states["EC2 Instance Launch Successful"][0]
    assert launch["AutoScalingGroupName"] == "g" and launch["EC2InstanceId"].startswith("i-")
    assert set(launch["Details"]) == {"Subnet ID", "Availability Zone"}
    tasks = states["ECS Task State Change"]
    assert [each["lastStatus"] for each in tasks][-1] == "RUNNING"
    assert tasks[-1]["group"] == "service:s" and tasks[-1]["containers"][0]["name"] == "site"
    assert isinstance(tasks[-1]["createdAt"], str)
    assert [each["eventName"] for each in states["ECS Deployment State Change"]] == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
    ]
    assert "SERVICE_STEADY_STATE" in {each["eventName"] for each in states["ECS Service Action"]}
    assert states["ECS Container Instance State Change"][0]["agentConnected"] is True


def test_a_lifecycle_action_is_completed_with_the_token_of_its_event(account: Any) -> None:
    queue = Queue(account)
    queue.rule({"detail-type": ["EC2 Instance-launch Lifecycle Action"]})
    fleet = Fleet(account, MinSize=0, MaxSize=1)
    hook = {"AutoScalingGroupName": "g", "LifecycleHookName": "h"}
    transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    fleet.autoscaling.put_lifecycle_hook(**hook, LifecycleTransition=transition)
    fleet.update(DesiredCapacity=1)
    advance(account, "5m")
    (event,) = queue.bodies()
    token = {"LifecycleActionToken": event["detail"]["LifecycleActionToken"]}
    fleet.autoscaling.complete_lifecycle_action(**hook, **token, LifecycleActionResult="CONTINUE")
    assert [each["LifecycleState"] for each in fleet.describe()["Instances"]] == ["InService"]


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ({"InputPath": "$.detail.items[1]"}, {"id": 2}),
        ({"Input": '{"fixed": true}'}, {"fixed": True}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"what": "$.detail.what-is", "items": "$.detail.items", "none": "$.detail.none"},
                    "InputTemplate": '{"text": "it is <what>", "what": <what>, "first": <items>, "none": <none>}',
                }
            },
            {"text": 'it is "here"', "what": '"here"', "first": [{"id": 1}, {"id": 2}], "none": None},
        ),
    ],
    ids=["path", "constant", "template"],
)
def test_a_target_receives_the_input_that_it_asks_for(account: Any, target: dict[str, Any], body: Any) -> None:
    queue = Queue(account)
    queue.rule({"source": ["team"]}, **target)
    detail = json.dumps({"what-is": '"here"', "items": [{"id": 1}, {"id": 2}]})
    events = account.client("events")
    entry = {"Source": "team", "DetailType": "news", "Detail": detail}
    events.put_events(Entries=[entry])
    events.disable_rule(Name="r")
    events.put_events(Entries=[entry])
    assert queue.bodies() == [body]


def test_a_schedule_sends_events_to_a_topic_and_a_log_group(account: Any) -> None:
    queue, events, logs = Queue(account), account.client("events"), account.client("logs")
    logs.create_log_group(logGroupName="/news")
    group = f"arn:aws:logs:{account.region}:{account.id}:log-group:/news"
    events.put_rule(Name="r", ScheduleExpression="rate(10 minutes)")
    targets = [queue.subscribe(), group, f"arn:aws:lambda:{account.region}:{account.id}:function:f"]
    events.put_targets(Rule="r", Targets=[{"Id": str(number), "Arn": arn} for number, arn in enumerate(targets)])
    account.client("events").put_events(Entries=[{"Source": "team", "DetailType": "news", "Detail": "{}"}])
    advance(account, "31m")
    assert [json.loads(body["Message"])["detail-type"] for body in queue.bodies()] == ["Scheduled Event"] * 3
    assert len(logs.filter_log_events(logGroupName="/news")["events"]) == 3


# --- Cloud Map


def test_the_tasks_of_a_service_are_discovered_while_they_run(account: Any) -> None:
    fleet, discovery = Fleet(account, MinSize=1, MaxSize=1), account.client("servicediscovery")
    fleet.ecs.create_cluster(clusterName="site-cluster")
    mapping = {"containerPort": 8000, "hostPort": 8001}
    container = {"name": "site", "image": "nginx", "memory": 64, "portMappings": [mapping]}
    fleet.ecs.register_task_definition(family="site", containerDefinitions=[container])
    discovery.create_http_namespace(Name="ns")
    namespace = discovery.list_namespaces()["Namespaces"][0]["Id"]
    registry = discovery.create_service(Name="web", NamespaceId=namespace)["Service"]
    advance(account, "5m")
    service = {"cluster": "site-cluster", "serviceName": "s", "taskDefinition": "site", "desiredCount": 1}
    of_container = {"registryArn": registry["Arn"], "containerName": "site", "containerPort": 8000}
    fleet.ecs.create_service(**service, serviceRegistries=[of_container])
    advance(account, "5m")
    instance = discovery.list_instances(ServiceId=registry["Id"])["Instances"][0]
    # SDKs put a prefix before the host of this operation, which an IP address can't have
    keys = {"aws_access_key_id": account.id, "aws_secret_access_key": "local", "region_name": account.region}
    without_prefix = Config(inject_host_prefix=False)
    finder = boto3.client("servicediscovery", endpoint_url=account.url, config=without_prefix, **keys)
    (found,) = finder.discover_instances(NamespaceName="ns", ServiceName="web")["Instances"]
    assert (found["InstanceId"], found["Attributes"]) == (instance["Id"], instance["Attributes"])
    (task,) = fleet.ecs.list_tasks(cluster="site-cluster")["taskArns"]
    host = fleet.instances()[0]
    assert instance["Id"] == task.split("/")[-1]
    assert {
        "AWS_INSTANCE_IPV4": host["PrivateIpAddress"],
        "AWS_INSTANCE_PORT": "8001",
        "EC2_INSTANCE_ID": host["InstanceId"],
        "ECS_SERVICE_NAME": "s",
    }.items() <= instance["Attributes"].items()
    fleet.ecs.update_service(cluster="site-cluster", service="s", desiredCount=0)
    advance(account, "5m")
    assert discovery.list_instances(ServiceId=registry["Id"])["Instances"] == []
