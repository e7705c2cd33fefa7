"""The parameters that a notebook declares in its cell tagged `parameters`, read without running it.

A declared parameter is a line such as `desired: "TaskCount" = 2  # tasks that should run`. The quoted annotation names
a type of `esaws.runbooks.types`; the literal is the default. pydantic validates the values.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from esaws.errors import UsageError
from esaws.runbooks.types import TYPES, split_list

INJECTED_BY_PAPERMILL = frozenset({"PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH"})
"""Names that papermill injects with `--inject-output-path` and the like."""


@dataclass(frozen=True)
class Parameter:
    """A declared parameter: its name, the text of its type, its default and its help."""

    name: str
    type: str
    default: Any
    help: str
    is_required: bool
    adapter: TypeAdapter[Any]

    @property
    def description(self) -> str:
        """What values the type takes, in words."""
        return str(_metadata(self.adapter).description or self.type)

    @property
    def examples(self) -> list[Any]:
        """Documented values; of choices all of them."""
        return list(_metadata(self.adapter).examples or [])

    @property
    def is_secret(self) -> bool:
        """Whether the value names a secret, and might be the secret itself by mistake."""
        return self.type in ("Secret", "Required[Secret]", "Notification")

    def validate(self, value: Any) -> Any:
        """Return the value in its Python type; None where it is not given.

        Raises:
            ValidationError: the type does not take it.
        """
        if not self.is_required and value in ("", None) and self.default in ("", None):
            return None
        return self.adapter.validate_python(value)

    def to_dict(self) -> dict[str, Any]:
        """Return name, type, default, required, help, takes (in words) and examples."""
        return {
            "name": self.name,
            "type": self.type,
            "default": self.default,
            "required": self.is_required,
            "help": self.help,
            "takes": self.description,
            "examples": self.examples,
        }


@dataclass(frozen=True)
class Declaration:
    """All parameters of a notebook, in their order."""

    source: str
    """The notebook, for messages."""
    parameters: tuple[Parameter, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        """Return the parameter of this name. Raises UsageError if there is none."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise UsageError(_unknown(self, [name]))

    def parse(self, name: str, text: str) -> Any:
        """Return the value of a text from a command line: a number, a bool or a list for such types, else the text.

        Raises:
            UsageError: the parameter is unknown, or its type does not take the text.
        """
        parameter = self[name]
        try:
            value = parameter.validate(text)
        except ValidationError as error:
            raise UsageError(f"{self.source}: {_explain(parameter, text, error)}") from None
        return value if isinstance(value, bool | int | float | list) else text

    def validate(self, values: Mapping[str, Any]) -> BaseModel:
        """Return the values in their types, as attributes by name; defaults for those that are not given.

        Raises:
            UsageError: unknown names or bad values; the message lists all of them.
        """
        if unknown := [name for name in values if name not in self.names]:
            raise UsageError(_unknown(self, unknown))
        validated, problems = {}, []
        for parameter in self.parameters:
            value = values.get(parameter.name, parameter.default)
            try:
                validated[parameter.name] = parameter.validate(value)
            except ValidationError as error:
                problems.append(_explain(parameter, value, error))
        if problems:
            raise UsageError("\n".join(f"{self.source}: {problem}" for problem in problems))
        return self.model.model_construct(**validated)

    @cached_property
    def model(self) -> type[BaseModel]:
        """A pydantic model with a field for each parameter."""
        fields: dict[str, Any] = {
            parameter.name: (parameter.adapter._type, parameter.default) for parameter in self.parameters
        }
        return create_model("Parameters", __config__=ConfigDict(frozen=True, hide_input_in_errors=True), **fields)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the parameters as `esaws runbooks --json` prints them."""
        return [parameter.to_dict() for parameter in self.parameters]


def read_declaration(path: Path | str) -> Declaration:
    """Read the declaration of a notebook file; one without parameters has an empty declaration.

    Raises:
        UsageError: the file is not a notebook, or a parameter of it has no type or no literal as its default.
    """
    import json

    try:
        notebook = json.loads(Path(path).read_text(encoding="utf-8"))
        cells = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", ())]
        source = "".join(cells[0]["source"]) if cells else ""
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not a notebook ({error})") from error
    return parse_declaration(source, str(path))


def parse_declaration(cell: str, source: str) -> Declaration:
    """Parse the source of a parameters cell. `source` names the notebook in messages.

    Raises:
        UsageError: the cell is not Python, or a parameter has no type or no literal as its default.
    """
    try:
        statements = ast.parse(cell).body
    except SyntaxError as error:
        raise UsageError(f"{source}: the parameters cell is not Python ({error})") from error
    comments = _comments(cell)
    parameters = []
    for statement in statements:
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            raise UsageError(
                f"{source}: line {statement.lineno} of the parameters cell is not a typed parameter; "
                f'write it like: service: "ServiceName" = "sites-management-api"  # what it is'
            )
        name, annotation = statement.target.id, _annotation(statement.annotation)
        try:
            default = ast.literal_eval(statement.value) if statement.value else ""
        except ValueError:
            raise UsageError(f"{source}: the default of {name} is not a literal") from None
        type_, is_required = _resolve(annotation, name, source)
        help = comments.get(statement.end_lineno or statement.lineno, "")
        parameters.append(Parameter(name, annotation, default, help, is_required, TypeAdapter(type_)))
    return Declaration(source, tuple(parameters))


def is_declaration(cell: str) -> bool:
    """Whether the source of a cell declares parameters: nothing but assignments with quoted annotations."""
    try:
        statements = ast.parse(cell).body
    except SyntaxError:
        return False
    return bool(statements) and all(
        isinstance(statement, ast.AnnAssign) and isinstance(statement.annotation, ast.Constant)
        for statement in statements
    )


def _annotation(node: ast.expr) -> str:
    """The text of an annotation: `"TaskCount"` and `TaskCount` both give TaskCount."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)


def _resolve(annotation: str, name: str, source: str) -> tuple[Any, bool]:
    """The type of an annotation, and whether the parameter is required."""
    try:
        node = ast.parse(annotation, mode="eval").body
        if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "Required":
            return _type(node.slice), True
        return _type(node), False
    except (KeyError, SyntaxError, AttributeError, ValueError, TypeError):
        raise UsageError(
            f"{source}: the type {annotation!r} of {name} is unknown; choose from {', '.join(sorted(TYPES))}, "
            "OneOf[a, b], Between[1, 60], ListOf[…] and Required[…]"
        ) from None


def _type(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return TYPES[node.id]
    assert isinstance(node, ast.Subscript)
    kind = node.value.id  # type: ignore[attr-defined]
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if kind == "OneOf":
        choices = [ast.unparse(item) for item in items]
        return Annotated[Literal[tuple(choices)], Field(description=f"one of {', '.join(choices)}", examples=choices)]
    if kind == "Between":
        low, high = (ast.literal_eval(item) for item in items)
        limits = Field(ge=low, le=high, description=f"a whole number from {low} to {high}", examples=[low, high])
        return Annotated[int, limits]
    if kind in ("ListOf", "list"):
        inner = _type(items[0])
        about = _metadata(TypeAdapter(inner))
        field = Field(description=f"a list: {about.description}", examples=[list(about.examples or [])[:2]])
        return Annotated[list[inner], BeforeValidator(split_list), field]  # type: ignore[valid-type]
    raise KeyError(kind)


def _metadata(adapter: TypeAdapter[Any]) -> Any:
    """The pydantic field of an annotated type, which has its description and its examples."""
    type_ = adapter._type
    assert get_origin(type_) is Annotated
    return next(item for item in get_args(type_)[1:] if hasattr(item, "examples"))


def _comments(cell: str) -> dict[int, str]:
    """The comment of each line that has one."""
    tokens = tokenize.generate_tokens(io.StringIO(cell).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _explain(parameter: Parameter, value: Any, error: ValidationError) -> str:
    """One line about a bad value: the parameter, the value unless it may be a secret, and what the type takes."""
    if parameter.is_required and value in ("", None):
        return f"{parameter.name} is required: {parameter.description}"
    shown = "" if parameter.is_secret else f"={value!r}"
    if parameter.is_secret or error.errors()[0]["type"] == "value_error":
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    else:
        reason = f"it takes {parameter.description}"
    if isinstance(value, bool | int | float) and error.errors()[0]["type"] in ("string_type", "literal_error"):
        reason += (
            f". papermill's -p turns such text into {_python_word(value)}: write it with -r, "
            f"as in -r {parameter.name} TEXT, or use `esaws run`, which keeps text"
        )
    return f"{parameter.name}{shown}: {reason}"


def _python_word(value: Any) -> str:
    return "True or False" if isinstance(value, bool) else "a number"


def _unknown(declaration: Declaration, names: list[str]) -> str:
    choices = f"choose from {', '.join(declaration.names)}" if declaration.names else "it has no parameters"
    plural = "s" if len(names) > 1 else ""
    return f"{declaration.source}: unknown parameter{plural} {', '.join(names)}; {choices}"
