"""What expires as time passes: log events, images and objects. What is gone is not charged any more."""

import json
from typing import Any

from tests.local.cases import located
from tests.local.timing import advance, now


def messages(logs: Any) -> list[str]:
    return [event["message"] for event in logs.get_log_events(logGroupName="/app", logStreamName="s")["events"]]


def write(account: Any, message: str) -> Any:
    logs = account.client("logs")
    event = {"timestamp": int(now(account) * 1000), "message": message}
    return logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[event])


def test_log_events_are_deleted_after_the_retention_of_their_group(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    write(account, "first")
    logs.put_retention_policy(logGroupName="/app", retentionInDays=3)
    advance(account, "2d")
    write(account, "second")
    assert messages(logs) == ["first", "second"]
    advance(account, "26h")
    assert messages(logs) == ["second"]
    logs.delete_retention_policy(logGroupName="/app")
    advance(account, "9d")
    assert messages(logs) == ["second"]
    logs.put_retention_policy(logGroupName="/app", retentionInDays=3)
    assert messages(logs) == []
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 0


def test_events_beyond_the_retention_are_rejected(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="s")
    logs.put_retention_policy(logGroupName="/app", retentionInDays=1)
    event = {"timestamp": int((now(account) - 2 * 86400) * 1000), "message": "old"}
    rejected = logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[event])["rejectedLogEventsInfo"]
    assert rejected == {"expiredLogEventEndIndex": 1}
    assert messages(logs) == []


# --- images


def manifest(number: int, **more: Any) -> str:
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    layer = {"digest": f"sha256:{number:064x}", "size": 10**9, "mediaType": "application/vnd.docker.image.rootfs.diff"}
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": {}, "layers": [layer], **more})


def rule(priority: int, count_type: str, number: int, **selection: Any) -> dict[str, Any]:
    unit = {} if count_type == "imageCountMoreThan" else {"countUnit": "days"}
    chosen = {"tagStatus": "any", "countType": count_type, "countNumber": number, **unit, **selection}
    return {"rulePriority": priority, "selection": chosen, "action": {"type": "expire"}}


def repository(account: Any, *rules: dict[str, Any]) -> Any:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="app")
    if rules:
        ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=json.dumps({"rules": rules}))
    return ecr


def push(ecr: Any, number: int, *tags: str) -> str:
    for tag in tags or (None,):
        named = {"imageTag": tag} if tag else {}
        image = ecr.put_image(repositoryName="app", imageManifest=manifest(number), **named)["image"]
    return str(image["imageId"]["imageDigest"])


def tags(ecr: Any) -> list[str]:
    return sorted(image.get("imageTag", "-") for image in ecr.list_images(repositoryName="app")["imageIds"])


def test_images_beyond_the_count_expire_within_a_day(account: Any) -> None:
    ecr = repository(account, rule(1, "imageCountMoreThan", 2))
    for number in range(4):
        push(ecr, number, f"v{number}")
    advance(account, "1h")
    assert len(tags(ecr)) == 4
    advance(account, "23h")
    assert tags(ecr) == ["v2", "v3"]
    push(ecr, 9, "v9")
    advance(account, "24h")
    assert tags(ecr) == ["v3", "v9"]


def test_old_images_expire_by_their_tags_and_the_priority_of_the_rules(account: Any) -> None:
    ecr = repository(
        account,
        rule(1, "imageCountMoreThan", 1, tagStatus="tagged", tagPrefixList=["prod"]),
        rule(2, "sinceImagePushed", 3, tagStatus="tagged", tagPatternList=["*-test", "a*"]),
        rule(3, "sinceImagePulled", 2, tagStatus="untagged"),
        rule(9, "sinceImagePushed", 30),
    )
    push(ecr, 1, "prod-1")
    push(ecr, 2, "prod-2", "a-test")
    push(ecr, 3, "a-test-2")
    push(ecr, 4, "b-test", "a")
    pulled = push(ecr, 5)
    push(ecr, 6)
    advance(account, "25h")
    assert tags(ecr) == ["-", "-", "a", "a-test", "a-test-2", "b-test", "prod-2"]
    ecr.batch_get_image(repositoryName="app", imageIds=[{"imageDigest": pulled}])
    advance(account, "48h")
    assert [tag for tag in tags(ecr) if tag == "-"] == ["-"]
    advance(account, "3d")
    assert tags(ecr) == ["a-test", "a-test-2", "prod-2"]
    advance(account, "31d")
    assert tags(ecr) == ["a-test", "prod-2"]


def test_a_manifest_list_keeps_its_images(account: Any) -> None:
    ecr = repository(account, rule(1, "sinceImagePushed", 1, tagStatus="untagged"))
    part = push(ecr, 1)
    push(ecr, 2)
    index = manifest(0, manifests=[{"digest": part}])
    ecr.put_image(repositoryName="app", imageManifest=index, imageTag="list")
    advance(account, "3d")
    assert tags(ecr) == ["-", "list"]


def test_a_preview_shows_what_would_expire(account: Any) -> None:
    ecr = repository(account)
    for number in range(3):
        push(ecr, number, f"v{number}")
    text = json.dumps({"rules": [rule(7, "imageCountMoreThan", 2)]})
    ecr.start_lifecycle_policy_preview(repositoryName="app", lifecyclePolicyText=text)
    preview = ecr.get_lifecycle_policy_preview(repositoryName="app")
    (result,) = preview["previewResults"]
    assert (preview["status"], result["imageTags"], result["appliedRulePriority"]) == ("COMPLETE", ["v0"], 7)
    advance(account, "2d")
    assert len(tags(ecr)) == 3


# --- objects


def bucket(account: Any, *rules: dict[str, Any], versioned: bool = False) -> tuple[Any, str]:
    s3, name = account.client("s3"), f"expiry-{account.id}"
    s3.create_bucket(Bucket=name, **located(account))
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    enabled = [{"Status": "Enabled", "Filter": {"Prefix": ""}, **rule} for rule in rules]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": enabled})
    return s3, name


def keys(s3: Any, name: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=name).get("Contents", [])]


def test_objects_expire_at_midnight_by_the_filter_of_their_rule(account: Any) -> None:
    tagged = {"And": {"Prefix": "b", "Tags": [{"Key": "keep", "Value": "no"}], "ObjectSizeGreaterThan": 2}}
    s3, name = bucket(
        account,
        {"Expiration": {"Days": 1}, "Filter": {"Prefix": "logs/"}},
        {"Expiration": {"Days": 3}, "Filter": tagged},
        {"Expiration": {"Days": 1}, "Status": "Disabled"},
    )
    s3.put_object(Bucket=name, Key="logs/1", Body=b"x")
    s3.put_object(Bucket=name, Key="b1", Body=b"xxx", Tagging="keep=no")
    s3.put_object(Bucket=name, Key="b2", Body=b"x", Tagging="keep=no")
    s3.put_object(Bucket=name, Key="b3", Body=b"xxx")
    advance(account, "23h")
    assert "logs/1" in keys(s3, name)
    advance(account, "25h")
    assert keys(s3, name) == ["b1", "b2", "b3"]
    advance(account, "2d")
    assert keys(s3, name) == ["b2", "b3"]
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert [each["Filter"] for each in rules][:2] == [{"Prefix": "logs/"}, tagged]


def versions(s3: Any, name: str) -> tuple[int, int]:
    """Return the numbers of versions and of delete markers."""
    found = s3.list_object_versions(Bucket=name)
    return len(found.get("Versions", [])), len(found.get("DeleteMarkers", []))


def test_versions_expire_after_they_are_replaced_and_lone_markers_go(account: Any) -> None:
    s3, name = bucket(
        account,
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 1}, "ID": "old"},
        {"Expiration": {"Days": 5}, "ID": "current"},
        versioned=True,
    )
    for body in (b"1", b"2", b"3"):
        s3.put_object(Bucket=name, Key="k", Body=body)
    advance(account, "3d")
    assert versions(s3, name) == (2, 0)
    advance(account, "3d")
    assert (keys(s3, name), versions(s3, name)) == ([], (2, 1))
    rule = {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}, "Expiration": {"ExpiredObjectDeleteMarker": True}}
    enabled = {"Status": "Enabled", "Filter": {}, **rule}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [enabled]})
    advance(account, "3d")
    assert versions(s3, name) == (0, 0)


def test_objects_change_their_storage_class_and_unfinished_uploads_are_aborted(account: Any) -> None:
    transitions = [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}]
    abort = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}
    s3, name = bucket(account, {"Transitions": transitions, **abort})
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.create_multipart_upload(Bucket=name, Key="big")

    def state() -> tuple[str, int]:
        found = s3.list_objects_v2(Bucket=name)["Contents"]
        return found[0]["StorageClass"], len(s3.list_multipart_uploads(Bucket=name).get("Uploads", []))

    seen = []
    for by in ("1d", "2d", "29d", "30d"):
        advance(account, by)
        seen.append(state())
    assert seen == [("STANDARD", 1), ("STANDARD", 0), ("STANDARD_IA", 0), ("GLACIER", 0)]
