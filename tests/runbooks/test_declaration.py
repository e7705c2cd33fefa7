"""Parameters are declared in a notebook's cell, read without running it, and validated by their types."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from esaws.errors import UsageError
from esaws.runbooks.declaration import parse_declaration
from esaws.runbooks.types import TYPES


def declare(type_: str, default: str = '""'):
    return parse_declaration(f'value: "{type_}" = {default}  # a value', "book")


ACCEPTED = [
    ("ServiceName", "007", "007"),
    ("TaskCount", "3", 3),
    ("Port", 443, 443),
    ("Usd", "2.5", 2.5),
    ("Date", "2026-11-01", date(2026, 11, 1)),
    ("Duration", "1d12h", timedelta(hours=36)),
    ("DryRun", "true", True),
    ("DryRun", False, False),
    ("DryRun", "auto", "auto"),
    ("Zone", "eu-west-3a", "eu-west-3a"),
    ("Secret", "ssm:/seccom/database", "ssm:/seccom/database"),
    ("OneOf[ha, budget]", "budget", "budget"),
    ("Between[1, 60]", "60", 60),
    ("ListOf[Zone]", "eu-west-3a, eu-west-3b", ["eu-west-3a", "eu-west-3b"]),
    ("ListOf[Port]", "[80, 443]", [80, 443]),
    ("ServiceName", "", None),
    ("int", "7", 7),
    ("bool", "false", False),
]


@pytest.mark.parametrize(("type_", "given", "value"), ACCEPTED, ids=[f"{t}={g}" for t, g, _ in ACCEPTED])
def test_a_value_becomes_the_type_that_the_parameter_declares(type_, given, value):
    assert declare(type_).validate({"value": given}).value == value


REFUSED = [
    ("ServiceName", 7, "-r value TEXT"),
    ("ServiceName", "a b", "takes an ECS service"),
    ("TaskCount", True, "a number is expected"),
    ("TaskCount", -1, "takes tasks, 0 to 100"),
    ("TaskCount", 2.5, "takes tasks"),
    ("Port", 65536, "takes a port"),
    ("Usd", "nan", "takes US dollars"),
    ("Date", 20261101, "write it like 2026-11-01"),
    ("Date", "2026-02-30", "takes a date"),
    ("Duration", 8, "write it like 90s"),
    ("Duration", "soon", "write it like 90s"),
    ("Secret", "hunter2-hunter2", "never its value"),
    ("Secret", 12345678, "valid string"),
    ("OneOf[ha, budget]", "tiny", "takes one of ha, budget"),
    ("Between[1, 60]", 61, "from 1 to 60"),
    ("ListOf[Zone]", "eu-west-3a, here", "takes a list"),
    ("Required[ServiceName]", "", "value is required"),
]


@pytest.mark.parametrize(("type_", "given", "reason"), REFUSED, ids=[f"{t}={g}" for t, g, _ in REFUSED])
def test_a_bad_value_is_refused_with_its_name_and_what_the_type_takes(type_, given, reason):
    with pytest.raises(UsageError) as error:
        declare(type_).validate({"value": given})
    assert str(error.value).startswith("book: value") and reason in str(error.value)


@pytest.mark.parametrize("type_", ["Secret", "Required[Secret]", "Notification"])
@given(value=st.text(min_size=3) | st.integers())
def test_a_value_that_may_be_a_secret_is_never_repeated(type_, value):
    parameter = declare(type_)["value"]
    try:
        parameter.validate(value)
    except ValidationError:
        with pytest.raises(UsageError) as error:
            declare(type_).validate({"value": value})
        ours = "book: value: give the name of the secret, never its value: env:NAME, ssm:/NAME or secretsmanager:NAME"
        assert str(value) not in str(error.value).replace(ours, "") or len(str(value)) < 6


@given(text=st.text(), type_=st.sampled_from(sorted(TYPES)))
def test_any_text_is_accepted_or_refused_with_a_usage_error(text, type_):
    try:
        declare(type_).parse("value", text)
    except UsageError as error:
        assert "value" in str(error)


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_each_type_is_described_and_takes_its_examples(type_):
    parameter = declare(type_)["value"]
    assert parameter.description and parameter.examples
    for example in parameter.examples:
        assert parameter.validate(example) is not None


CELLS = [
    ("value = 3", "line 1 of the parameters cell is not a typed parameter"),
    ('value: "Nonsense" = 3', "the type 'Nonsense' of value is unknown"),
    ('value: "ListOf" = 3', "the type 'ListOf' of value is unknown"),
    ('value: "OneOf[" = 3', "the type 'OneOf[' of value is unknown"),
    ('value: "Count" = 1 + x', "the default of value is not a literal"),
    ("value: (", "is not Python"),
    ("import os", "line 1 of the parameters cell is not a typed parameter"),
]


@pytest.mark.parametrize(("cell", "reason"), CELLS)
def test_a_cell_that_declares_something_else_is_refused(cell, reason):
    with pytest.raises(UsageError, match=r"^book:") as error:
        parse_declaration(cell, "book")
    assert reason in str(error.value)


def test_all_problems_are_listed_at_once():
    declaration = parse_declaration('port: "Port" = 0\nzone: "Zone" = "here"', "book")
    with pytest.raises(UsageError) as error:
        declaration.validate({})
    assert [line.split(":")[1].split("=")[0].strip() for line in str(error.value).splitlines()] == ["port", "zone"]


def test_help_and_defaults_are_read_from_the_cell():
    parameter = parse_declaration('zones: "ListOf[Zone]" = ["eu-west-3a"]  # where: a=b', "book")["zones"]
    assert (parameter.default, parameter.help) == (["eu-west-3a"], "where: a=b")
