"""What AWS documents about the parameters of each kind, held against AWS's own models.

The models have every parameter with its type, and of many the length, range, pattern and allowed values. What AWS words
in prose alone is in no model; the pages are the sources.
"""

import ast
import re
import string
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import given, settings
from hypothesis import strategies as st

from docs import parameters as page
from esaws import resources
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.documented import (
    EVERYTHING_ELSE,
    OF_ESAWS,
    Always,
    Between,
    Call,
    Each,
    Field,
    Flag,
    Name,
    Network,
    OneOf,
    Parameter,
    Rule,
    Text,
    Unchecked,
)
from esaws.errors import InvalidResource
from esaws.reference.seccom import PROFILES, seccom
from esaws.resource import Index, Resource, drift
from esaws.resources import (
    VPC,
    Alarm,
    AutoScalingGroup,
    Broker,
    Budget,
    CacheCluster,
    DBInstance,
    LaunchTemplate,
    LogGroup,
    PasswordParameter,
    SecurityGroupRule,
    Subnet,
    TaskDefinition,
    UserPool,
    UserPoolClient,
    load_all,
)

from .parameters import model_of, sent, service_of, shape_at, undocumented

REST = {
    ("brokers.html", "CreateBroker"),
    ("brokers-broker-id.html", "UpdateBroker"),
    ("brokers-broker-id.html", "DeleteBroker"),
    ("brokers-broker-id-reboot.html", "RebootBroker"),
}
"""The pages that are named by a path, and the operations in their texts."""

REPEATING = {"UpdateUserPool", "UpdateUserPoolClient", "UpdateBudget", "DeleteNotification"}
"""The calls that repeat what AWS described, besides what changes."""

RULES_OF_ESAWS = {"bucket": 1, "budget": 1, "lease": 3, "scalable_target": 1, "service": 1, "task_definition": 1}
"""Module → its rules over several fields, or for estimates and leases, that no page of AWS has."""

NOT_SENT = {
    "Alarm": {"load_balancer", "target_group"},
    "Bucket": {"expected_gb"},
    "Dashboard": {"load_balancer", "target_groups", "clusters"},
    "Lease": {"until", "at_most_usd", "since", "counted_at", "counted_usd", "usd_per_hour"},
    "SecurityGroup": {"all_outbound"},
    "SecurityGroupRule": {"direction"},
}
"""Fields that no parameter has: they are in a text with others, choose the call, or are for estimates."""

COMPANIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("AutoScalingGroup", "minimum"): {"desired_capacity": 2**31, "maximum": 2**31},
    ("AutoScalingGroup", "maximum"): {"minimum": 0, "desired_capacity": 0},
    ("AutoScalingGroup", "desired_capacity"): {"minimum": 0, "maximum": 2**31},
    ("CacheCluster", "nodes"): {"engine": "memcached"},
    ("DBInstance", "storage_gb"): {"storage_type": "standard"},
    ("LaunchTemplate", "root_gb"): {"root_type": "gp3"},
    ("LaunchTemplate", "root_type"): {"root_gb": 125},
    ("ScalableTarget", "minimum"): {"maximum": 2**31},
    ("ScalableTarget", "maximum"): {"minimum": 0},
    ("SecurityGroupRule", "from_port"): {"protocol": "-1"},
    ("SecurityGroupRule", "to_port"): {"protocol": "-1"},
    ("Service", "minimum_healthy"): {"maximum": 200},
    ("Service", "maximum"): {"minimum_healthy": 0},
    ("TargetGroup", "health_interval"): {"health_timeout": 2},
    ("TargetGroup", "health_timeout"): {"health_interval": 300},
}
"""(kind, field) → other fields with which the whole range of the field is valid."""

OF_TWO_FIELDS = {
    ("DBInstance", "storage_gb"),  # the largest ones need gp3
    ("Service", "launch_type"),
    ("Service", "public_address"),
    ("TaskDefinition", "launch_type"),
    ("TaskDefinition", "network_mode"),
    ("Alarm", "evaluation_periods"),
}
"""Fields of which some values inside the range are refused, by a rule over two fields."""

WITH_MORE = {"AssumeRolePolicyDocument", "PolicyArn", "PolicyDocument"}
"""Parameters of whose value the field is a part."""

LARGEST = 2**31 - 1
"""The largest integer, which stands for no limit in a model."""

LONG = PasswordParameter(name="long", length=42)
RULE = SecurityGroupRule.example()

Kind = type[Resource]


@dataclass(frozen=True)
class Row:
    """A documented parameter of a kind."""

    kind: Kind
    call: Call
    path: str
    parameter: Parameter

    @property
    def shape(self) -> Shape:
        return shape_at(model_of(self.call), self.path)

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.call.operation} {self.path}"


ROWS = [
    Row(kind, call, path, parameter)
    for _, kind in sorted(load_all().items())
    for call in kind.documented
    for path, parameter in call.parameters.items()
]
PARAMETERS = [row for row in ROWS if row.path != EVERYTHING_ELSE]
NAMES = [row for row in ROWS if isinstance(row.parameter, Name)]
FIELDS = {
    (row.kind.kind, name): row
    for row in reversed(ROWS)
    if isinstance(row.parameter, Field) and not isinstance(row.parameter.takes, Unchecked)
    for name in row.parameter.names
}


# -- the pages ---------------------------------------------------------------------------------------------------


def test_every_kind_has_documented_calls() -> None:
    assert all(kind.documented for kind in load_all().values())
    assert len(ROWS) > 400 and len(FIELDS) > 80, "the tests below must have what to test"


def test_the_page_of_each_call_is_that_of_an_operation() -> None:
    for row in ROWS:
        assert model_of(row.call).name == row.call.operation
        title = row.call.page.rpartition("/")[2]
        by_name = re.fullmatch(rf"API_(budgets_)?{row.call.operation}\.html", title)
        assert (title, row.call.name) in REST if row.call.name else by_name, str(row)


def test_every_source_is_a_page_of_aws_or_of_a_standard() -> None:
    sites = ("https://docs.aws.amazon.com/", "https://www.rfc-editor.org/", "https://github.com/opencontainers/")
    sources = {row.call.source(row.path) for row in ROWS} - {OF_ESAWS}
    assert all(source.startswith(sites) for source in sources)


def test_the_operation_has_each_parameter_and_of_lists_their_items() -> None:
    assert not [str(row) for row in PARAMETERS if isinstance(row.shape, ListShape | MapShape | StructureShape)]


def test_every_refusal_of_a_kind_names_its_page_or_is_a_rule_of_esaws() -> None:
    without_page = {}
    for path in sorted(Path(resources.__file__).parent.glob("[a-z]*.py")):
        nodes = [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        assert not [call for call in calls if getattr(call.func, "id", "") == "InvalidResource"], path
        refusals = [call for call in calls if getattr(call.func, "attr", "") == "refusal"]
        if count := sum(len(call.args) < 2 for call in refusals):
            without_page[path.stem] = count
    assert without_page == RULES_OF_ESAWS


def test_only_calls_that_repeat_what_aws_described_leave_parameters_out() -> None:
    assert {row.call.operation for row in ROWS if row.path == EVERYTHING_ELSE} == REPEATING


def test_every_field_is_a_documented_parameter() -> None:
    for kind in load_all().values():
        documented = {
            name
            for row in ROWS
            if row.kind is kind and isinstance(row.parameter, Field)
            for name in row.parameter.names
        }
        declared = {item.name for item in fields(kind)} - {"name", "after"}
        assert declared - documented == NOT_SENT.get(kind.kind, set()), kind.kind


def test_the_committed_page_shows_what_the_kinds_document() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run `python docs/parameters.py`"


# -- our limits are never wider than the model's -----------------------------------------------------------------


def matches(shape: Shape, value: Any) -> bool:
    """Whether the model of a parameter allows a value that is a number or a text."""
    limits = shape.metadata
    size = len(value) if isinstance(value, str) else value
    if not isinstance(value, bool) and not limits.get("min", size) <= size <= limits.get("max", size):
        return False
    pattern = limits.get("pattern", ".*" if isinstance(value, str) else None)
    return value in limits.get("enum", [value]) and (pattern is None or bool(java(pattern).fullmatch(value)))


@cache
def java(pattern: str) -> Any:
    """Compile a pattern of Java: `\\p{Print}` and the pairs of characters above U+FFFF have other names here."""
    for theirs, ours in ((r"\p{Print}", "[[:print:]]"), (r"\uD800\uDC00-\uDBFF\uDFFF", "\U00010000-\U0010ffff")):
        pattern = pattern.replace(theirs, ours)
    return regex.compile(pattern, regex.DOTALL)


def test_each_constant_is_valid() -> None:
    constants = [(row, row.parameter) for row in PARAMETERS if isinstance(row.parameter, Always)]
    assert len(constants) > 50
    for row, constant in constants:
        assert constant.takes.accepts(constant.value), str(row)
        assert matches(row.shape, constant.value), str(row)


@pytest.mark.parametrize(
    "row",
    [row for row in PARAMETERS if isinstance(row.parameter, Field) and not isinstance(row.parameter.takes, Unchecked)],
    ids=str,
)
def test_a_limit_is_not_wider_than_the_models(row: Row) -> None:
    shape, rule = row.shape, row.parameter.takes
    if isinstance(rule, Each):
        of_list = shape_at(model_of(row.call), row.path.rpartition("[]")[0]) if "[]" in row.path else shape
        if of_list is not shape:
            assert rule.low >= of_list.metadata.get("min", 0)
            assert rule.high is None or rule.high <= of_list.metadata.get("max", rule.high)
        rule = rule.rule
    if isinstance(rule, Between):
        numbers = {"integer": True, "long": True, "double": False, "float": False}
        assert numbers.get(shape.type_name, rule.integer) == rule.integer, "AWS takes integers here, or does not"
    if isinstance(rule, Between) and shape.type_name != "string":  # some numbers are sent as texts
        assert matches(shape, rule.low)
        assert matches(shape, rule.high) if rule.high is not None else "max" not in shape.metadata
    elif isinstance(rule, OneOf):
        assert all(matches(shape, value) for value in rule.values)
    elif isinstance(rule, Flag):
        assert matches(shape, rule.on) and matches(shape, rule.off)
    elif isinstance(rule, Text):
        assert rule.low >= shape.metadata.get("min", 0) or row.path in WITH_MORE
        assert rule.high is not None or shape.metadata.get("max", LARGEST) == LARGEST or row.path in WITH_MORE
        assert rule.high is None or rule.high <= shape.metadata.get("max", rule.high)


TEXTS = {
    (service_of(row.call), row.shape.name, row.parameter.takes): row
    for row in PARAMETERS
    if isinstance(row.parameter.takes, Text) and row.path not in WITH_MORE
}


@pytest.mark.parametrize("row", TEXTS.values(), ids=str)
@given(data=st.data())
@settings(max_examples=25)
def test_the_model_allows_every_text_that_we_do(row: Row, data: st.DataObject) -> None:
    rule = row.parameter.takes
    assert isinstance(rule, Text)
    text = data.draw(st.from_regex(re.compile(rule.pattern, re.ASCII), fullmatch=True).filter(rule.accepts))
    assert matches(row.shape, text)


# -- declarations ------------------------------------------------------------------------------------------------


def inside(rule: Rule) -> list[Any]:
    """Return values that are just valid."""
    if isinstance(rule, Between):
        return [rule.low, rule.high if rule.high is not None else rule.low + 2**31 - 1 - rule.low]
    if isinstance(rule, OneOf):
        return [*rule.values]
    if isinstance(rule, Flag):
        return [True, False]
    if isinstance(rule, Text):
        return [text_of(rule, length) for length in {rule.low, rule.high} if length]
    if isinstance(rule, Network):
        return [f"10.0.0.0/{rule.shortest}" if rule.shortest else "0.0.0.0/0", f"10.0.0.0/{rule.longest}"]
    assert isinstance(rule, Each)
    values = inside(rule.rule) if not isinstance(rule.rule, Unchecked) else []
    most = [tuple(values[n % len(values)] for n in range(rule.high))] if values and rule.high else []
    return [*((value,) for value in values), *most, *([()] if not rule.low else [])]


def outside(rule: Rule) -> list[Any]:
    """Return values that are just not valid, and one of another type."""
    if isinstance(rule, Between):
        beyond = [rule.low - 1, *([rule.high + 1] if rule.high is not None else [])]
        return [*beyond, str(rule.low), float("nan"), *([rule.low + 0.5] if rule.integer else [])]
    if isinstance(rule, OneOf):
        return [max(rule.values) + 1, True] if isinstance(rule.values[0], int) else [f"{rule.values[0]}x", ""]
    if isinstance(rule, Flag):
        return ["True", 1.5]
    if isinstance(rule, Text):
        ends = [*([rule.high + 1] if rule.high else []), *([rule.low - 1] if rule.low > 1 else [])]
        return [*(text_of(rule, length) for length in ends), *unmatched(rule), 1]
    if isinstance(rule, Network):
        sizes = [*([rule.shortest - 1] if rule.shortest else []), *([rule.longest + 1] if rule.longest < 32 else [])]
        return [
            *(f"0.0.0.0/{size}" for size in sizes),
            "10.0.0.1/16",
            "10.0.0.0",
            "everywhere",
            *([] if rule.ipv6 else ["::/0"]),
        ]
    assert isinstance(rule, Each)
    if isinstance(rule.rule, Unchecked):
        return [("x",) * (rule.high + 1)] if rule.high else [()]
    many = [tuple(inside(rule.rule)[:1]) * (rule.high + 1)] if rule.high else []
    return [*((value,) for value in outside(rule.rule)), *many, *([()] if rule.low else [])]


def text_of(rule: Text, length: int) -> str:
    """Return a text of this length that has the form of a rule, whatever its length."""
    for begin, end in (("", ""), ("/", ""), ("a@", ""), ("attribute:", "")):
        text = begin + "a" * (length - len(begin) - len(end)) + end
        if rule.has_form(text) and len(text) == length:
            return text
    return next(text for text in ("tcp", "200", "instanceId", "a@b", "ec2.amazonaws.com") if rule.has_form(text))


def unmatched(rule: Text) -> list[str]:
    """Return texts of a valid length that do not have the form of a rule; empty if it takes all characters."""
    length = max(rule.low, 3)
    texts = (character * length for character in f"{string.punctuation} \n\x00é")
    return [text for text in texts if not rule.has_form(text)]


def declare(key: tuple[str, str], value: Any) -> Resource:
    """Declare the example of a kind with another value in a field, and what goes with that."""
    kind, name = key
    return replace(load_all()[kind].example(), **COMPANIONS.get(key, {}) | {name: value})


@pytest.mark.parametrize("key", FIELDS, ids=" ".join)
def test_a_value_just_inside_the_limits_is_accepted(key: tuple[str, str]) -> None:
    accepted = 0
    values = inside(FIELDS[key].parameter.takes)
    for value in values:
        try:
            declare(key, value)
            accepted += 1
        except InvalidResource as error:
            assert f"Use {FIELDS[key].parameter.takes}." not in str(error), error
    assert (accepted < len(values)) == (key in OF_TWO_FIELDS), "some are refused by a rule over two fields"
    assert accepted or not values


@pytest.mark.parametrize("key", FIELDS, ids=" ".join)
def test_a_value_just_outside_the_limits_is_refused_with_field_value_limit_and_source(key: tuple[str, str]) -> None:
    row, refused = FIELDS[key], outside(FIELDS[key].parameter.takes)
    assert refused
    for value in refused:
        with pytest.raises(InvalidResource) as error:
            declare(key, value)
        rule = row.parameter.takes
        source = row.call.source(row.path)
        assert f"{key[1]} {rule.refused(value)!r} is not valid. Use {rule}. " in str(error.value), value
        ending = f"AWS documents none for {row.path}." if source == OF_ESAWS else f"Source: {row.path} in {source}"
        assert str(error.value).endswith(ending), value


@pytest.mark.parametrize("row", NAMES, ids=str)
def test_the_longest_name_is_accepted_and_a_longer_one_refused_with_its_source(row: Row) -> None:
    kind, parameter = row.kind, row.parameter
    assert isinstance(parameter, Name)
    limit = min(limit for each in NAMES if each.kind is kind and (limit := each.parameter.limit) is not None)
    assert len(parameter.on_aws("a" * limit)) <= (parameter.takes.high or limit)
    replace(kind.example(), name="a" * limit)
    with pytest.raises(InvalidResource, match=rf"too long: {limit + 1} characters. Use at most {limit}, .* Source: "):
        replace(kind.example(), name="a" * (limit + 1))


@pytest.mark.parametrize("kind", sorted({row.kind.kind for row in NAMES}))
@settings(max_examples=50)
@given(name=st.text(st.characters(max_codepoint=0x2FF), min_size=1, max_size=20))
def test_a_name_that_is_accepted_is_valid_in_every_call(kind: str, name: str) -> None:
    try:
        replace(load_all()[kind].example(), name=name)
    except InvalidResource as error:
        assert "Use " in str(error) and "Source: " in str(error)
        return
    for row in NAMES:
        if row.kind.kind == kind:
            assert isinstance(row.parameter, Name)
            assert matches(row.shape, row.parameter.on_aws(name))


# -- refused values that the models do not show ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: DBInstance.example().replace(storage_gb=4000, storage_type="standard"), "Use 5 to 3,072 GiB with the"),
        (lambda: DBInstance.example().replace(storage_gb=19), "Use 20 to 65,536 GiB with the storage_type gp2"),
        (lambda: DBInstance.example().replace(engine="mysql", password=LONG), "mysql takes at most 41. Set its length"),
        (lambda: DBInstance.example().replace(username="a" * 17), "Use 1 to 16 letters, digits and underscores"),
        (lambda: DBInstance.example().replace(database="_app"), "a letter first"),
        (lambda: DBInstance.example().replace(username="User"), "'User' is a reserved word of PostgreSQL. Use another"),
        (lambda: RULE.replace(from_port=90, to_port=80), "from_port 90 to to_port 80 is not a range of ports"),
        (lambda: RULE.replace(from_port=-1, to_port=-1), "is not a range of ports"),
        (lambda: RULE.replace(protocol="icmp", from_port=-1, to_port=0), "Set to_port=-1"),
        (lambda: CacheCluster.example().replace(nodes=2), "a cluster of Redis has one node, not 2. Set nodes=1"),
        (lambda: LaunchTemplate.example().replace(root_type="st1"), "Use 125 to 16,384 GiB with st1"),
        (
            lambda: TaskDefinition.example().replace(host_port=2375),
            "taken on each instance, by SSH, Docker or the agent",
        ),
        (lambda: TaskDefinition.example().replace(host_port=50_000), "Use 1 to 32,767"),
        (lambda: Alarm.example().replace(period=90), "Use a multiple of 60 seconds"),
        (lambda: Alarm.example().replace(evaluation_periods=1441), "86,460 seconds. Use fewer periods.* most 86,400"),
        (lambda: Budget.example().replace(thresholds=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)), "at most 10 thresholds"),
        (lambda: Broker.example().replace(username="guest"), "not guest"),
        (lambda: Broker.example().replace(name="a.b"), "Use 1 to 50 letters, digits, hyphens and underscores"),
        (lambda: LogGroup.example().replace(name="a#b"), "the name is not valid.* tags"),
        (lambda: AutoScalingGroup.example().replace(name="a b"), "without spaces and colons"),
        (lambda: VPC.example().replace(cidr="10.0.0.0/8"), "/16 to /28"),
        (lambda: Subnet.example().replace(cidr="10.0.0.1/24"), "without host bits"),
    ],
)
def test_what_aws_documents_in_prose_is_refused(declare: Callable[[], Resource], message: str) -> None:
    with pytest.raises(InvalidResource, match=message):
        declare()


def test_an_amount_of_a_budget_is_sent_without_an_exponent(cloud: Cloud) -> None:
    Budget.example().replace(limit_usd=0.00001).create(cloud)
    (created,) = [call.parameters for call in cloud.calls if call.operation == "CreateBudget"]
    assert created["Budget"]["BudgetLimit"]["Amount"] == "0.00001"


def test_the_nodes_of_memcached_are_compared(cloud: Cloud) -> None:
    example = CacheCluster.example().replace(engine="memcached", engine_version="1.6.22", nodes=2)
    for resource in Architecture("memcached", [example]):
        resource.create(cloud)
    index = Index([live for kind in load_all().values() for live in kind.list(cloud)])
    live = example.find(index)
    assert live
    assert not drift(example, live, index)
    assert drift(example.replace(nodes=3), live, index).keys() == {"nodes"}


# -- what a deploy sends -----------------------------------------------------------------------------------------


def test_every_parameter_of_a_deploy_and_a_teardown_is_documented(cloud: Cloud, new_cloud: Callable[[], Cloud]) -> None:
    documented = [call for kind in load_all().values() for call in kind.documented]
    pool = UserPool.example().replace(mfa="OPTIONAL")
    people = [pool, UserPoolClient.example().replace(pool=pool)]
    parameters: set[tuple[str, str, str]] = set()
    for profile in PROFILES:
        target = new_cloud()
        architecture = seccom(profile, images="ecr", warn_at_usd=20, warn_email="owner@example.com").including(*people)
        plan_deploy(architecture, target).apply(yes=True)
        plan_teardown(target).apply(yes=True)
        made = sent(call for call in target.calls if call.parameters.get("Name") != "/seccom/lock")
        assert len(made) > 150, profile
        parameters |= made
    assert not undocumented(parameters, documented)
