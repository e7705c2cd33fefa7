"""Results are written as moto writes them, whatever the names of their members are."""

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from botocore import xform_name
from hypothesis import given
from hypothesis import strategies as st
from moto.core.serialize import ResponseSerializer, XFormedAttributePicker, get_serializer_class, return_if_not_empty
from moto.core.utils import get_service_model

from local_aws_server import moto_serialization

OPERATIONS = [
    ("autoscaling", "DescribeAutoScalingGroups"),
    ("cloudformation", "DescribeStacks"),
    ("ec2", "DescribeVolumes"),
    ("ecs", "DescribeServices"),
    ("rds", "DescribeDBInstances"),
]

TRANSFORMERS = {"Volumes.Volume.Tags": return_if_not_empty, "Value": str.upper, "services.Service.status": str.lower}


class Stack(SimpleNamespace):
    """An object of which moto knows other names."""

    class Meta:
        serialization_aliases: ClassVar = {"StackName": "about.name", "Tags": "labels"}


def written(service: str, operation: str, result: Any) -> Any:
    model = get_service_model(service).operation_model(operation)
    picker = XFormedAttributePicker(response_transformers=TRANSFORMERS)
    return get_serializer_class(service, model.service_model.protocol)(model, value_picker=picker).serialize(result)


@st.composite
def results(draw: st.DrawFn, shape: Any, depth: int = 0) -> Any:
    """A value of a shape: objects and dicts with members under any of the names that moto tries."""
    if shape.type_name == "list":
        return [draw(results(shape.member, depth + 1)) for _ in range(draw(st.integers(0, 2)))]
    if shape.type_name == "map":
        return {"one": draw(results(shape.value, depth + 1))}
    if shape.type_name != "structure":
        values = {"boolean": True, "integer": 3, "long": 3, "float": 0.5, "double": 0.5, "timestamp": 0}
        return values.get(shape.type_name, "text")
    members = [] if depth > 7 else draw(st.lists(st.sampled_from(sorted(shape.members) or [""]), max_size=4))
    found: dict[str, Any] = {"about": {"name": "nested"}} if draw(st.booleans()) else {}
    for member in filter(None, members):
        of_member = shape.members[member]
        names = [member, xform_name(member), of_member.name, member.removeprefix(shape.name)]
        names += [xform_name(names[-1]), "labels"]
        value = draw(st.none() | results(of_member, depth + 1))
        found[draw(st.sampled_from(names)) or member] = value
    kind = draw(st.sampled_from([dict, SimpleNamespace, Stack]))
    return found if kind is dict else kind(**found)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_a_result_is_written_as_moto_writes_it(service: str, operation: str) -> None:
    shape = get_service_model(service).operation_model(operation).output_shape

    @given(result=results(shape))
    def check(result: Any) -> None:
        outcomes = []
        for get_value in (moto_serialization._stock_get_value, moto_serialization.get_value):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ResponseSerializer, "get_value", get_value)
                try:
                    outcomes.append(written(service, operation, result))
                except (TypeError, ValueError, AttributeError) as error:  # a name that another member has, too
                    outcomes.append(repr(error))
        assert outcomes[0] == outcomes[1]

    check()
