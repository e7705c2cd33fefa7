"""The proof that nothing is left: tags and listings combined, fetched tags, errors, and what a result shows."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from esaws.cloud import Cloud
from esaws.deploy.leftovers import leftovers, proof
from esaws.deploy.leftovers.found import Found, Listing, kind_of
from esaws.deploy.leftovers.proof import Leftover, Leftovers, ListingResult, classify

HERE = Cloud.at("http://127.0.0.1:9", account="123456789012")
OURS = HERE.tags("web")
VOLUME = "arn:aws:ec2:eu-west-3:123456789012:volume/vol-1"
UNCHECKED = "it could not be checked: AccessDenied (DescribeVolumes)"
IN_TAGS = "the tagging API returns it, and"


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        ("arn:aws:ec2:eu-west-3:123456789012:instance/i-1", "ec2:instance"),
        ("arn:aws:rds:eu-west-3:123456789012:db:seccom-database", "rds:db"),
        ("arn:aws:s3:::seccom-clips", "s3:bucket"),
        ("arn:aws:cloudwatch:eu-west-3:123456789012:alarm:seccom-a/b", "cloudwatch:alarm"),
        ("arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/seccom-alb/1", "elasticloadbalancing:loadbalancer"),
        (
            "arn:aws:autoscaling:eu-west-3:1:autoScalingGroup:7:autoScalingGroupName/g",
            "autoscaling:autoScalingGroup",
        ),
        ("arn:aws-cn:iam::123456789012:role/seccom-ecs", "iam:role"),
    ],
)
def test_kind_of_an_arn(arn: str, kind: str) -> None:
    assert kind_of(arn) == kind


DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "DescribeVolumes")


@pytest.mark.parametrize(
    ("tagged", "result", "expected"),
    [
        pytest.param({}, ListingResult(("ec2:volume",)), [], id="nothing tagged and nothing listed"),
        pytest.param(
            {},
            ListingResult(("ec2:volume",), (Found(VOLUME, "v", OURS),)),
            [("left", "web")],
            id="it exists, tagged as ours",
        ),
        pytest.param(
            {VOLUME: OURS},
            ListingResult(("ec2:volume",), (Found(VOLUME, "v", {}),)),
            [("left", "web")],
            id="it exists, and the tagging API returns it",
        ),
        pytest.param(
            {}, ListingResult(("ec2:volume",), (Found(VOLUME, "seccom-web", {}),)), [], id="a look-alike without tags"
        ),
        pytest.param(
            {},
            ListingResult(("ec2:volume",), (Found(VOLUME, "v", {"esaws:deployment": "other"}),)),
            [],
            id="the tag of another deployment",
        ),
        pytest.param(
            {VOLUME: OURS}, ListingResult(("ec2:volume",)), [], id="tagged, and the listing does not return it"
        ),
        pytest.param(
            {VOLUME: OURS},
            ListingResult(("ec2:volume",), error=DENIED),
            [("unknown", ""), ("unknown", "web")],
            id="tagged, and the listing is denied",
        ),
        pytest.param(
            {VOLUME: OURS},
            ListingResult(("ec2:image",)),
            [("unknown", "web")],
            id="tagged, and no listing covers the kind",
        ),
        pytest.param(
            {},
            ListingResult(("ec2:volume",), (Found(VOLUME, "v", {}, reason="it is in our VPC"),)),
            [("left", "v")],
            id="untagged, in a resource of ours",
        ),
        pytest.param(
            {},
            ListingResult(("ec2:volume",), (Found(VOLUME, "v", {}, reason="its owner is gone", unattributed=True),)),
            [("unknown", "v")],
            id="its owner is gone",
        ),
    ],
)
def test_tags_and_listings_are_combined(
    tagged: dict[str, Any], result: ListingResult, expected: list[tuple[str, str]]
) -> None:
    assert [(leftover.state, leftover.name) for leftover in classify(HERE, tagged, [result])] == expected


@pytest.mark.parametrize("denied_first", [True, False])
def test_one_denied_listing_of_two_leaves_a_kind_unknown(denied_first: bool) -> None:
    results = [ListingResult(("ec2:volume",), error=DENIED), ListingResult(("ec2:volume",))]
    left = classify(HERE, {VOLUME: OURS}, results if denied_first else results[::-1])
    assert [(leftover.id, leftover.state) for leftover in left] == [("", "unknown"), (VOLUME, "unknown")]


def test_a_denied_listing_of_several_kinds_is_unknown_once_and_leaves_all_of_them_unknown() -> None:
    image = VOLUME.replace("volume/vol-1", "image/ami-1")
    result = ListingResult(("ec2:snapshot", "ec2:volume", "ec2:image"), error=DENIED)
    assert [leftover.to_dict() for leftover in classify(HERE, {VOLUME: OURS, image: {}}, [result])] == [
        {"kind": "ec2:image", "name": "", "id": image, "state": "unknown", "reason": f"{IN_TAGS} {UNCHECKED}"},
        {"kind": "ec2:snapshot", "name": "", "id": "", "state": "unknown", "reason": UNCHECKED},
        {"kind": "ec2:volume", "name": "web", "id": VOLUME, "state": "unknown", "reason": f"{IN_TAGS} {UNCHECKED}"},
    ]


def test_a_tagged_kind_without_a_listing_is_unknown_with_its_reason() -> None:
    (leftover,) = classify(HERE, {VOLUME: OURS}, [])
    assert leftover.reason == "the tagging API returns it, and there is no listing to check that with"


def test_a_resource_of_two_listings_is_left_once_with_the_first_reason() -> None:
    results = [ListingResult(("ec2:volume",), (Found(VOLUME, "v", {}, reason=reason),)) for reason in ("one", "two")]
    assert [(leftover.name, leftover.reason) for leftover in classify(HERE, {}, results)] == [("v", "one")]


def test_a_listed_resource_is_not_doubted_although_its_listing_failed_later() -> None:
    result = ListingResult(("ec2:volume",), (Found(VOLUME, "v", OURS),), DENIED)
    assert [leftover.state for leftover in classify(HERE, {VOLUME: OURS}, [result])] == ["unknown", "left"]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Found(VOLUME, "v", OURS), "it exists, tagged as ours"),
        (Found(VOLUME, "v", OURS, "available"), "it exists, tagged as ours; it is available"),
        (Found(VOLUME, "v", OURS, "available", "it is in our VPC"), "it is in our VPC; it is available"),
        (Found(VOLUME, "v", lambda: OURS, reason="it is in our VPC"), "it is in our VPC"),
    ],
)
def test_a_reason_says_why_a_resource_is_ours_and_its_state(found: Found, reason: str) -> None:
    (leftover,) = classify(HERE, {}, [ListingResult(("ec2:volume",), (found,))])
    assert leftover.reason == reason
    assert leftover.name == ("v" if callable(found.tags) else "web")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (EndpointConnectionError(endpoint_url="http://x"), "EndpointConnectionError: Could not connect to the "),
        (ResponseParserError("not XML\n<html>"), "ResponseParserError: not XML"),
    ],
)
def test_an_error_that_is_not_from_aws_is_described_by_its_first_line(error: Exception, text: str) -> None:
    (leftover,) = classify(HERE, {}, [ListingResult(("ec2:volume",), error=error)])
    assert leftover.reason.startswith(f"it could not be checked: {text}")
    assert "\n" not in leftover.reason


def test_leftovers_show_their_number_and_rows() -> None:
    left = classify(HERE, {}, [ListingResult(("ec2:volume",), (Found(VOLUME, "v", OURS),))])
    assert str(left).splitlines() == ["1 left, 0 unknown", f"  {left[0]}"]
    assert left.to_frame().to_dict("records") == [
        {"kind": "ec2:volume", "name": "web", "state": "left", "reason": "it exists, tagged as ours"}
    ]
    assert "<td>ec2:volume</td>" in left._repr_html_()
    assert str(classify(HERE, {}, [])) == "nothing is left"


def test_a_title_counts_what_is_left_and_what_is_unknown() -> None:
    states: list[Any] = ["left", "unknown", "left", "left"]
    left = Leftovers(Leftover("ec2:volume", str(number), "", state, "") for number, state in enumerate(states))
    assert str(left).splitlines()[0] == "3 left, 1 unknown"
    assert str(Leftovers(left[1:2])).splitlines() == ["0 left, 1 unknown", "  unknown: ec2:volume 1 ()"]
    with pytest.raises(FrozenInstanceError):
        left[0].state = "unknown"  # type: ignore[misc]


def test_a_leftover_is_described_in_one_line_without_its_id() -> None:
    (leftover,) = classify(HERE, {}, [ListingResult(("ec2:volume",), (Found(VOLUME, "v", OURS, "available"),))])
    assert str(leftover) == "left: ec2:volume web (it exists, tagged as ours; it is available)"
    assert leftover.to_dict().keys() == {"kind", "name", "id", "state", "reason"}
    (denied,) = classify(HERE, {}, [ListingResult(("ec2:volume",), error=DENIED)])
    assert str(denied) == f"unknown: ec2:volume ({UNCHECKED})"


# -- listings, with stubs instead of AWS ---------------------------------------------------------------------------


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Leftovers]:
    """Return a function that looks for leftovers with these listers of volumes and these tagged resources."""
    monkeypatch.setattr(Cloud, "check", lambda cloud: "123456789012")

    def look(*listers: Callable[..., Iterator[Found]], tagged: Any = ()) -> Leftovers:
        def pages(cloud: Cloud, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
            assert parameters == {"TagFilters": [{"Key": "esaws:deployment", "Values": ["seccom"]}]}
            if isinstance(tagged, Exception):
                raise tagged
            return ({"ResourceARN": arn, "Tags": [{"Key": "esaws:name", "Value": name}]} for arn, name in tagged)

        monkeypatch.setattr(proof, "pages", pages)
        monkeypatch.setattr(proof, "LISTINGS", [Listing(("ec2:volume",), lister) for lister in listers])
        return leftovers(HERE)

    return look


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "ListTags")


def fetch(answer: Any) -> Callable[[], Any]:
    """Return a function that returns tags or raises an error."""

    def tags() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return tags


def test_a_lister_receives_the_tagged_arns(left: Callable[..., Leftovers]) -> None:
    received = []

    def lister(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
        received.append(tagged)
        yield from ()

    assert left(lister, tagged=[(VOLUME, "web")]) == []
    assert received == [{VOLUME}]


def test_listings_are_read_although_the_tagging_api_fails(left: Callable[..., Leftovers]) -> None:
    result = left(lambda cloud, tagged: iter([Found(VOLUME, "v", OURS)]), tagged=aws_error("AccessDenied"))
    assert [(leftover.kind, leftover.state) for leftover in result] == [
        ("ec2:volume", "left"),
        ("resourcegroupstaggingapi", "unknown"),
    ]


def test_resources_before_an_error_of_their_listing_count(left: Callable[..., Leftovers]) -> None:
    def lister(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
        yield Found(VOLUME, "v", OURS)
        raise aws_error("AccessDenied")

    assert [(leftover.name, leftover.state) for leftover in left(lister)] == [("", "unknown"), ("web", "left")]


def test_an_error_that_is_not_from_aws_is_raised(left: Callable[..., Leftovers]) -> None:
    def lister(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
        raise KeyError("Volumes")
        yield

    with pytest.raises(KeyError):
        left(lister)


def test_tags_are_fetched_only_for_names_with_our_prefix(left: Callable[..., Leftovers]) -> None:
    fetched = []

    def lister(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
        for name in ("seccom-web", "web", "other-seccom-web", "seccom"):
            yield Found(f"{VOLUME}-{name}", name, lambda name=name: fetched.append(name) or OURS)  # type: ignore[misc]

    assert [leftover.id for leftover in left(lister)] == [f"{VOLUME}-seccom-web"]
    assert fetched == ["seccom-web"]


def test_a_name_without_our_prefix_is_left_if_the_tagging_api_returns_it(left: Callable[..., Leftovers]) -> None:
    def pages_with_our_tag(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
        yield Found(VOLUME, "v", lambda: pytest.fail("not fetched"), reason="it is in our VPC")

    assert [leftover.state for leftover in left(pages_with_our_tag, tagged=[(VOLUME, "web")])] == ["left"]


@pytest.mark.parametrize(
    ("answer", "states"),
    [
        (OURS, ["left"]),
        ({"esaws:deployment": "other"}, []),
        ({}, []),
        # It was deleted meanwhile.
        (aws_error("InvalidResourceId"), []),
        (aws_error("NoSuchBucket"), []),
        (aws_error("NoSuchEntity"), []),
        (aws_error("InvalidVpcID.NotFound"), []),
        (aws_error("DBInstanceNotFound"), []),
        (aws_error("DBInstanceNotFoundFault"), []),
        (aws_error("ClusterNotFoundException"), []),
        # It has no tags.
        (aws_error("NoSuchTagSet"), []),
        (aws_error("AccessDenied"), ["unknown"]),
        (aws_error("NotFoundHere"), ["unknown"]),
        (aws_error("Throttling"), ["unknown"]),
    ],
    ids=lambda value: value.response["Error"]["Code"] if isinstance(value, ClientError) else None,
)
def test_a_resource_whose_tags_are_fetched_is_left_gone_or_unknown(
    left: Callable[..., Leftovers], answer: Any, states: list[str]
) -> None:
    result = left(lambda cloud, tagged: iter([Found(VOLUME, "seccom-web", fetch(answer))]))
    assert [leftover.state for leftover in result] == states


@pytest.mark.parametrize(("code", "names"), [("NoSuchTagSet", ["seccom-web"]), ("NoSuchBucket", [])])
def test_a_resource_without_tags_still_exists_and_one_deleted_meanwhile_does_not(
    left: Callable[..., Leftovers], code: str, names: list[str]
) -> None:
    found = Found(VOLUME, "seccom-web", fetch(aws_error(code)), reason="it is in our VPC")
    assert [leftover.name for leftover in left(lambda cloud, tagged: iter([found]))] == names


def test_eight_listings_run_at_the_same_time(left: Callable[..., Leftovers]) -> None:
    lock, crowded = threading.Lock(), threading.Event()
    running: list[int] = [0]

    def lister(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
        with lock:
            running.append(running[-1] + 1)
        if running[-1] >= 8:
            crowded.wait(0.1)  # time for a ninth one
            crowded.set()
        assert crowded.wait(10), "fewer than eight listings run at the same time"
        with lock:
            running.append(running[-1] - 1)
        yield from ()

    assert left(*[lister] * 12) == []
    assert max(running) == 8
