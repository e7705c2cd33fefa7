"""An exercise of chapter 05: the role of a task, and what its policies allow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from esaws.aws import tag_list
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.revisions import exists, newest_revision
from esaws.course.role_policies import Decision, decide, policies_of
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.resources.bucket import Bucket
from esaws.resources.role import Role


def _role(seed: Seed) -> Mapping[str, Any]:
    return {"folder": f"site-{seed.letters(4)}"}


def _check_role(attempt: Attempt) -> Iterator[Point]:
    found = newest_revision(attempt.cloud, "clip-writer")
    yield exists(found, "clip-writer")
    if found is None:
        return
    arn = found.raw.get("taskRoleArn") or ""
    roles = {live.id: live for live in attempt.of_kind("Role")}
    role = roles.get(arn.rpartition("/")[2])
    yield Point(
        "Its containers have a role of the deployment: a task role",
        role is not None,
        f"taskRoleArn is {arn}, which the deployment does not own" if arn else "it has no taskRoleArn",
        "taskRoleArn, and the tags of the role",
        is_needed=True,
    )
    if role is None:
        return
    yield Point(
        "Tasks may assume the role",
        role.fields["service"] == "ecs-tasks.amazonaws.com",
        f"{role.fields['service']} may assume it",
        "the trust policy: AssumeRolePolicyDocument",
    )
    yield from _permissions(attempt, role.id)


def _permissions(attempt: Attempt, role: str) -> Iterator[Point]:
    """What a role may do with the bucket of the clips, by reading its policies."""
    bucket, folder = attempt.live("Bucket", "clips"), attempt.mine.folder
    if bucket is None:
        yield Point("The bucket of the clips exists", False, "there is no bucket clips", "the start of the notebook")
        return
    documents = policies_of(attempt.cloud, role)
    clips = f"arn:aws:s3:::{bucket.id}"

    def point(what: str, action: str, resource: str, expected: Decision, *, is_needed: bool = False) -> Point:
        decision = decide(documents, action, resource)
        found = {"allow": "the policies allow", "deny": "no policy allows", "unknown": "a condition decides on"}
        return Point(
            what,
            decision == expected,
            f"{found[decision]} {action} there",
            "Action and Resource of its policies: !aws iam get-role-policy …",
            is_needed=is_needed,
        )

    mine = f"{clips}/{folder}/clip.mp4"
    yield point(f"It writes clips below {folder}/", "s3:PutObject", mine, "allow", is_needed=True)
    yield point("It does not write to other folders", "s3:PutObject", f"{clips}/another/clip.mp4", "deny")
    yield point("It does not write to other buckets", "s3:PutObject", f"arn:aws:s3:::other/{folder}/clip.mp4", "deny")
    yield point("It does not delete clips", "s3:DeleteObject", mine, "deny")
    yield point("It does not delete the bucket", "s3:DeleteBucket", clips, "deny")


def _declare_role(cloud: Cloud, mine: Values) -> None:
    role = Role(name="clip-writer", service="ecs-tasks.amazonaws.com")
    plan_deploy([role], cloud).apply()
    iam, name = cloud.client("iam"), role.id_in(cloud)
    folder = f"arn:aws:s3:::{Bucket(name='clips').id_in(cloud)}/{mine.folder}/*"
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": folder}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="clips", PolicyDocument=policy)
    container = {"name": "clip-writer", "image": "public.ecr.aws/docker/library/busybox:stable", "memory": 64}
    cloud.client("ecs").register_task_definition(
        family=cloud.aws_name("clip-writer"),
        taskRoleArn=iam.get_role(RoleName=name)["Role"]["Arn"],
        containerDefinitions=[container],
        tags=tag_list(cloud.tags("clip-writer"), "key", "value"),
    )


def _create_role(cloud: Cloud, mine: Values) -> None:
    iam, name = cloud.client("iam"), f"{cloud.deployment}-clip-writer-{cloud.region}"
    principal = {"Service": "ecs-tasks.amazonaws.com"}
    trust = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        Tags=tag_list(cloud.tags("clip-writer")),
    )["Role"]
    bucket = f"arn:aws:s3:::{Bucket(name='clips').id_in(cloud)}"
    statements = [
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": f"{bucket}/{mine.folder}/*"},
        {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="clips", PolicyDocument=policy)
    container = {"name": "clip-writer", "image": "public.ecr.aws/docker/library/busybox:stable", "memory": 64}
    cloud.client("ecs").register_task_definition(
        family=cloud.aws_name("clip-writer"),
        taskRoleArn=role["Arn"],
        containerDefinitions=[container],
        tags=tag_list(cloud.tags("clip-writer"), "key", "value"),
    )


def _everything_of_s3(cloud: Cloud, mine: Values) -> None:
    _write_with(cloud, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, "ecs-tasks.amazonaws.com")


def _role_of_an_instance(cloud: Cloud, mine: Values) -> None:
    folder = f"arn:aws:s3:::{Bucket(name='clips').id_in(cloud)}/{mine.folder}/*"
    _write_with(cloud, {"Effect": "Allow", "Action": "s3:PutObject", "Resource": folder}, "ec2.amazonaws.com")


def _write_with(cloud: Cloud, statement: Mapping[str, Any], service: str) -> None:
    role = Role(name="clip-writer", service=service)
    plan_deploy([role], cloud).apply()
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    name = role.id_in(cloud)
    cloud.client("iam").put_role_policy(RoleName=name, PolicyName="clips", PolicyDocument=policy)
    arn = cloud.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    container = {"name": "clip-writer", "image": "busybox", "memory": 64}
    tags = tag_list(cloud.tags("clip-writer"), "key", "value")
    family = cloud.aws_name("clip-writer")
    cloud.client("ecs").register_task_definition(
        family=family, taskRoleArn=arn, containerDefinitions=[container], tags=tags
    )


ROLE = Exercise(
    "05-role",
    prompt=(
        "Write a **task role** `clip-writer`: containers that have it may write clips to the bucket `clips`, below "
        "`{mine.folder}/`. They may not write elsewhere, and delete nothing. Register a task definition "
        "`clip-writer` with this role."
    ),
    values=_role,
    check=_check_role,
    hints=(
        "Who assumes the role: the instance, the agent, or the container? The trust policy names that service.",
        'An object\'s ARN is `arn:aws:s3:::BUCKET/KEY`. `inventory(cloud).get("Bucket", "clips").id` is the bucket.',
        '`Role(name="clip-writer", service="ecs-tasks.amazonaws.com")`; then `put_role_policy` with the action '
        "`s3:PutObject` on `arn:aws:s3:::BUCKET/{mine.folder}/*`; then `register_task_definition(taskRoleArn=…)`",
    ),
    solutions=(_declare_role, _create_role),
    wrong=(
        Wrong(_everything_of_s3, "the policies allow s3:DeleteBucket"),
        Wrong(_role_of_an_instance, "ec2.amazonaws.com may assume it"),
    ),
    notices=("Role:clip-writer", "TaskDefinition:clip-writer", "Bucket:clips"),
)
