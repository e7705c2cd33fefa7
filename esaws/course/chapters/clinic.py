"""Chapter 19: search for a fault step by step, prove it, and remove it with the smallest change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.chapters._clinic_requests import LAST_STEP, SMALLEST
from esaws.course.chapters._clinic_system import (
    APIS,
    DECLARED_ENTRY,
    acl_of,
    as_declared,
    broken_by,
    ids_of,
    prepare,
    serving_later,
    start,
)
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.labs.causes import CAUSES
from esaws.course.labs.diagnosis import names_fact
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory

# --- 19-evidence: the front page is a fixed response


def _status(seed: Seed) -> Mapping[str, Any]:
    return {"status": seed.choice(("403", "404", "410", "503"))}


def _answer_with_a_text(cloud: Cloud, mine: Values) -> None:
    response = {"StatusCode": mine.status, "ContentType": "text/plain", "MessageBody": "We will be back soon."}
    actions = [{"Type": "fixed-response", "FixedResponseConfig": response}]
    cloud.client("elbv2").modify_listener(ListenerArn=ids_of(cloud)["Listener", "alb 80"], DefaultActions=actions)


def _check_evidence(attempt: Attempt) -> Iterator[Point]:
    answer = attempt.answer if isinstance(attempt.answer, tuple | list) and len(attempt.answer) == 2 else ("", "")
    cause, evidence = map(str, answer)
    yield Point(
        "The cause is right",
        cause == "default-action",
        f"{cause or 'no cause'}: {CAUSES.get(cause, 'not one of the causes')}",
        "who sends the text: a container, or the load balancer",
    )
    yield Point(
        "The evidence names the listener",
        names_fact(evidence, ("listener", "default rule", "default action")),
        f"“{evidence}”",
        "the part of the load balancer that takes requests without a rule",
    )
    yield Point(
        "The evidence names the status of its response",
        names_fact(evidence, (attempt.mine.status,)),
        f"“{evidence}”",
        'inspect.trace(cloud, "http://seccom/")',
        is_needed=True,
    )


def _in_words(cloud: Cloud, mine: Values) -> Any:
    return "default-action", f"the default action of the listener is a fixed response with {mine.status}"


def _as_described(cloud: Cloud, mine: Values) -> Any:
    ids = {live.key: live.id for live in inventory(cloud)}
    arns = [ids["Listener", "alb 80"]]
    found = cloud.client("elbv2").describe_listeners(ListenerArns=arns)["Listeners"][0]
    action = found["DefaultActions"][0]
    return "default-action", f"listener 80: {action['Type']} {action['FixedResponseConfig']['StatusCode']}"


EVIDENCE = Exercise(
    "19-evidence",
    prompt=(
        "The front page is one line of text, with the status {mine.status}. Do not repair it yet. Answer with a cause "
        'and one piece of evidence, a resource and a value: `("rule-order", "rule 3: …")`.'
    ),
    values=_status,
    start=broken_by(_answer_with_a_text),
    check=_check_evidence,
    hints=(
        "Would a container that fails send a text that friendly?",
        "Look at what happens to a request that no rule takes.",
        '`inspect.trace(cloud, "http://seccom/")`, or `describe_listeners`; causes are in `esaws lab diagnose`.',
    ),
    solutions=(_in_words, _as_described),
    wrong=(
        Wrong(lambda cloud, mine: ("rule-order", f"listener 80: {mine.status}"), "The cause is right"),
        Wrong(lambda cloud, mine: ("default-action", "the page does not work"), "names the listener"),
    ),
)


# --- 19-cli: a network ACL denies the answers


def _number(seed: Seed) -> Mapping[str, Any]:
    return {"number": seed.between(11, 89)}


def _deny_answers(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").create_network_acl_entry(
        NetworkAclId=acl_of(cloud)["NetworkAclId"],
        RuleNumber=mine.number,
        Egress=True,
        Protocol="6",
        RuleAction="deny",
        CidrBlock="172.31.0.0/16",
        PortRange={"From": 1024, "To": 65535},
    )


def _check_cli(attempt: Attempt) -> Iterator[Point]:
    entries = acl_of(attempt.cloud)["Entries"]
    numbers = sorted({entry["RuleNumber"] for entry in entries if entry["RuleNumber"] < DECLARED_ENTRY})
    yield Point(
        f"The network ACL of the subnets has no entry before {DECLARED_ENTRY}",
        not numbers,
        f"it has {', '.join(map(str, numbers))}",
        "the entries of the network ACL, in both directions",
        is_needed=True,
    )
    yield as_declared(attempt)
    yield from serving_later(attempt, APIS)


def _delete_the_entry(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    in_vpc = [{"Name": "vpc-id", "Values": [ids["VPC", "vpc"]]}]
    acl = ec2.describe_network_acls(Filters=in_vpc)["NetworkAcls"][0]
    if mine.number in [entry["RuleNumber"] for entry in acl["Entries"]]:
        ec2.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=mine.number, Egress=True)


def _delete_every_denial(cloud: Cloud, mine: Values) -> None:
    ec2 = cloud.client("ec2")
    for acl in ec2.describe_network_acls()["NetworkAcls"]:
        for entry in acl["Entries"]:
            if entry["RuleAction"] == "deny" and entry["RuleNumber"] < 100:
                ec2.delete_network_acl_entry(
                    NetworkAclId=acl["NetworkAclId"], RuleNumber=entry["RuleNumber"], Egress=entry["Egress"]
                )


def _allow_before_it(cloud: Cloud, mine: Values) -> None:
    acl = acl_of(cloud)["NetworkAclId"]
    everything = {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    cloud.client("ec2").create_network_acl_entry(NetworkAclId=acl, RuleNumber=1, Egress=True, **everything)


def _open_the_groups(cloud: Cloud, mine: Values) -> None:
    for (kind, _), id in ids_of(cloud).items():
        if kind == "SecurityGroup":
            everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "172.31.0.0/16"}]}]
            cloud.client("ec2").authorize_security_group_ingress(GroupId=id, IpPermissions=everything)


CLI = Exercise(
    "19-cli",
    prompt=(
        "Security worked on the network at noon. Since then targets time out, and every security group is right. "
        "Find the cause with the AWS CLI or boto3 alone, and remove it. The check looks half an hour ahead."
    ),
    values=_number,
    start=broken_by(_deny_answers),
    check=_check_cli,
    hints=(
        "A security group lets answers through by itself. What does not?",
        "Network ACLs work between subnets. Compare their entries with those of a new VPC.",
        "`aws ec2 describe-network-acls`; `aws ec2 delete-network-acl-entry --rule-number … --egress`.",
    ),
    solutions=(_delete_the_entry, _delete_every_denial),
    wrong=(
        Wrong(_allow_before_it, "no entry before"),
        Wrong(_open_the_groups, "no entry before"),
    ),
    notices=("Listener", "Service"),
)


CHAPTER = Chapter(
    "19",
    "Clinic",
    minutes=30,
    start=start,
    prepare=prepare,
    exercises=(LAST_STEP, SMALLEST, EVIDENCE, CLI),
    predictions=("19-reason", "19-answers"),
    moves_clock=True,
)
