"""Tags that the tagging API changes, as each service shows them."""

from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_errors_stores import TAG, tagged

NEW = {"owner": "ops"}


def own_tags(account: Any, arn: str) -> dict[str, str]:
    """The tags of a thing as its own service tells them."""
    service, _, _, name = arn.split(":", 5)[2:]
    ask = account.client
    answers: dict[str, Any] = {
        "cognito-idp": lambda: ask("cognito-idp").list_tags_for_resource(ResourceArn=arn)["Tags"],
        "ec2": lambda: ask("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [name.split("/")[1]]}])[
            "Tags"
        ],
        "ecr": lambda: ask("ecr").list_tags_for_resource(resourceArn=arn)["tags"],
        "ecs": lambda: ask("ecs").list_tags_for_resource(resourceArn=arn)["tags"],
        "elasticache": lambda: ask("elasticache").list_tags_for_resource(ResourceName=arn)["TagList"],
        "elasticloadbalancing": lambda: ask("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"],
        "logs": lambda: ask("logs").list_tags_for_resource(resourceArn=arn)["tags"],
        "mq": lambda: ask("mq").list_tags(ResourceArn=arn)["Tags"],
        "rds": lambda: ask("rds").list_tags_for_resource(ResourceName=arn)["TagList"],
        "s3": lambda: ask("s3").get_bucket_tagging(Bucket=name)["TagSet"],
        "servicediscovery": lambda: ask("servicediscovery").list_tags_for_resource(ResourceARN=arn)["Tags"],
        "ssm": lambda: ask("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/p")["TagList"],
        "application-autoscaling": lambda: ask("application-autoscaling").list_tags_for_resource(ResourceARN=arn)[
            "Tags"
        ],
    }
    tags = answers[service]()
    if isinstance(tags, dict):
        return tags
    return {tag.get("Key") or tag["key"]: tag.get("Value") or tag["value"] for tag in tags}


def of_every_kind(account: Any) -> list[str]:
    """The ARNs of one of each of many kinds of things, all with a tag."""
    tagged(account)
    account.client("logs").create_log_group(logGroupName="group", tags={TAG["Key"]: TAG["Value"]})
    ecs = account.client("ecs")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 1}])
    ecs.create_service(cluster="c", serviceName="s", taskDefinition="f", desiredCount=0)
    account.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId="service/c/s",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=0,
        MaxCapacity=1,
        Tags={TAG["Key"]: TAG["Value"]},
    )
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(ResourcesPerPage=100)
    return [each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]]


@case(
    "the tagging API changes the tags that each service shows",
    aws=(17, {}, 17, {}, 17),
    stock=(7, {"elasticloadbalancing": "InternalServiceException", "ssm": "InternalServiceException"}, 5, {}, 5),
)
def case_changes(account: Any) -> Any:
    tagging, arns = account.client("resourcegroupstaggingapi"), of_every_kind(account)
    failed = tagging.tag_resources(ResourceARNList=arns, Tags=NEW)["FailedResourcesMap"]
    added = [arn for arn in arns if own_tags(account, arn) == {**NEW, TAG["Key"]: TAG["Value"]}]
    failed_again = tagging.untag_resources(ResourceARNList=added, TagKeys=[TAG["Key"]])["FailedResourcesMap"]
    left = [arn for arn in arns if own_tags(account, arn) == NEW]
    codes = {arn.split(":")[2]: failure["ErrorCode"] for arn, failure in failed.items()}
    return len(arns), codes, len(added), failed_again, len(left)


@case(
    "the tagging API reports missing resources",
    aws={"instance/i-0123456789abcdef0": "InvalidParameterException", "userpool/absent": "InvalidParameterException"},
    stock={"userpool/absent": "InternalServiceException"},
)
def case_absent(account: Any) -> Any:
    tagging = account.client("resourcegroupstaggingapi")
    account.network()
    arns = [
        f"arn:aws:ec2:{account.region}:{account.id}:instance/i-0123456789abcdef0",
        f"arn:aws:cognito-idp:{account.region}:{account.id}:userpool/absent",
    ]
    return outcome(
        lambda: {
            arn.split(":")[-1]: failure["ErrorCode"]
            for arn, failure in tagging.tag_resources(ResourceARNList=arns, Tags=NEW)["FailedResourcesMap"].items()
        }
    )


@case("tags with the prefix aws: are refused", aws="InvalidParameterException", stock="accepted")
def case_reserved(account: Any) -> Any:
    tagging = account.client("resourcegroupstaggingapi")
    arn = f"arn:aws:mq:{account.region}:{account.id}:broker:b:b-1"
    return outcome(lambda: tagging.tag_resources(ResourceARNList=[arn], Tags={"aws:mine": "1"}) and "accepted")


@case(
    "the tagging API lists keys and values of every service, each once",
    aws=(["team"], ["seccom"]),
    stock=(["team"] * 7, ["seccom"] * 7),
)
def case_keys(account: Any) -> Any:
    tagging, _ = account.client("resourcegroupstaggingapi"), of_every_kind(account)
    return tagging.get_tag_keys()["TagKeys"], tagging.get_tag_values(Key="team")["TagValues"]


@case(
    "a queue has the type sqs:queue, and pages do not fit with a list of ARNs",
    aws=(1, 1, 0, "InvalidParameterException"),
    stock=(1, 1, 0, "InvalidParameterException"),
)
def case_types(account: Any) -> Any:
    tagging = account.client("resourcegroupstaggingapi")
    account.client("sqs").create_queue(QueueName="q", tags={"team": "seccom"})
    found = [
        len(tagging.get_resources(ResourceTypeFilters=[kind])["ResourceTagMappingList"])
        for kind in ("sqs", "sqs:queue", "sqs:topic")
    ]
    arn = f"arn:aws:sqs:{account.region}:{account.id}:q"
    return *found, outcome(lambda: tagging.get_resources(ResourceARNList=[arn], ResourcesPerPage=0))


@case(
    "the tagging API changes tags in a service that has another name in ARNs",
    aws=[{"Key": "team", "Value": "seccom"}],
    stock=[{"Key": "team", "Value": "seccom"}],
)
def case_other_name(account: Any) -> Any:
    tagging, email = account.client("resourcegroupstaggingapi"), account.client("sesv2")
    email.create_contact_list(ContactListName="readers")
    arn = f"arn:aws:ses:{account.region}:{account.id}:contact-list/readers"
    tagging.tag_resources(ResourceARNList=[arn], Tags={"team": "seccom"})
    return email.list_tags_for_resource(ResourceArn=arn)["Tags"]
