"""Find saved answers in a folder: which call each file answers, by its name or its content, and its JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

from esaws.errors import UsageError
from esaws.inspect.snapshots.operations import OPERATIONS, Operation
from esaws.inspect.snapshots.shapes import AS_AWS_PRINTS_IT, SavedObject, convert

SNAPSHOT_FILE = "snapshot.json"
"""Written by `esaws snapshot`: account, region, and the names of the other files."""

# What the AWS CLI prints where a call fails; `> file 2>&1` saves it.
_ERROR = re.compile(r"An error occurred \(([\w.]+)\) when calling the \w+ operation[^:]*: *(.*)", re.DOTALL)
_PAGE = re.compile(r"(?:^|[-_. ])(?:page|part)?[-_. ]*\d{1,3}$", re.IGNORECASE)
_TOKENS = ("NextToken", "nextToken", "NextMarker", "Marker")


@dataclass(frozen=True)
class SavedAnswer:
    """The answer of one call, or one page of it. `suffix` is the rest of the file's name: a parent, or a page."""

    file: str
    operation: Operation
    data: SavedObject
    suffix: str = ""

    @property
    def items(self) -> list[Any]:
        """The items of its list, or its single resource."""
        if "Error" in self.data:
            return []
        value: Any = self.data[self.operation.result] if self.operation.result else self.data
        return [value] if self.operation.single else list(value)

    @property
    def has_more(self) -> bool:
        """Whether AWS had more to answer: a page with a token for the next one."""
        return any(self.data.get(token) for token in _TOKENS)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What the suffix may name: all of it, or without the number of a page."""
        return tuple(dict.fromkeys((self.suffix, _PAGE.sub("", self.suffix))))


@dataclass(frozen=True)
class SavedFolder:
    """The answers in a folder, and the reason for each file that was not read."""

    answers: tuple[SavedAnswer, ...]
    ignored: dict[str, str]
    account: str = ""
    region: str = ""


def read_folder(folder: Path) -> SavedFolder:
    """Read all answers of a folder and of the folders in it. Hidden files are skipped.

    Raises:
        UsageError: it is not a folder, has no answer, or a file is not what AWS answers.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of saved answers; `esaws snapshot -o {folder}` makes one")
    answers: list[SavedAnswer] = []
    ignored: dict[str, str] = {}
    account = region = ""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or any(part.startswith(".") for part in name.split("/")):
            continue
        if path.suffix.lower() != ".json":
            ignored[name] = "not a .json file"
        elif name == SNAPSHOT_FILE:
            account, region = _read_snapshot_file(path)
        elif found := _read_file(path, name):
            answers += found
        else:
            ignored[name] = "not the answer of a call that esaws uses"
    if not answers:
        what = f" ({', '.join(sorted(ignored))} were ignored)" if ignored else ""
        example = "aws ec2 describe-instances > describe-instances.json"
        raise UsageError(f"{folder}: no saved answer is in this folder{what}; save some, as in `{example}`")
    return SavedFolder(tuple(answers), ignored, account, region)


def _read_snapshot_file(path: Path) -> tuple[str, str]:
    match _documents(path, SNAPSHOT_FILE):
        case [{"account": str(account), "region": str(region)}]:
            return account, region
    raise UsageError(f"{path}: has no account and region, which `esaws snapshot` writes; delete the file, or mend it")


def _read_file(path: Path, name: str) -> list[SavedAnswer]:
    named = _operation_of_name(name)
    if named is None and _names_other_call(name):
        return []
    documents = _documents(path, name)
    if named:
        operation, suffix = named
        if not documents:
            return [_empty_answer(operation, name, suffix)]
        if _is_of_longer_name(operation, suffix, documents):
            return []
        return [_answer(document, operation, name, suffix) for document in documents]
    operations = [_operation_of_content(document) for document in documents]
    return [
        _answer(document, operation, name, "")
        for document, operation in zip(documents, operations, strict=True)
        if operation
    ]


# -- names ---------------------------------------------------------------------------------------------------------


def _operation_of_name(name: str) -> tuple[Operation, str] | None:
    """The operation that a file's name contains, and the rest of the name; None for calls of other services."""
    *folders, file = name.split("/")
    stem = file[: -len(".json")]
    for operation in sorted(OPERATIONS.values(), key=lambda operation: -len(operation.name)):
        pattern = operation.name.replace("_", "[-_]?")
        match = re.search(rf"(?:^|(?<=[^a-z0-9])){pattern}(?=$|[^a-z0-9])", stem, re.IGNORECASE)
        if match is None:
            match = re.search(rf"^{pattern}$", folders[-1], re.IGNORECASE) if folders else None
            if match:
                return _if_of_service(operation, folders[:-1], "", stem)
            continue
        return _if_of_service(operation, folders, stem[: match.start()], stem[match.end() :])
    return None


def _if_of_service(operation: Operation, folders: list[str], prefix: str, suffix: str) -> tuple[Operation, str] | None:
    service = _service_at_end(prefix) or _cli_names().get(folders[-1].lower() if folders else "")
    if service and service != operation.service:
        return None
    return operation, suffix.strip("-_. @+=")


def _service_at_end(prefix: str) -> str | None:
    """The AWS service whose name ends a prefix, as in `prod-cognito-idp-`."""
    words = re.split(r"[-_. ]+", prefix.strip("-_. ").lower())
    ends = ("-".join(words[start:]) for start in range(len(words)))
    return next((_cli_names()[end] for end in ends if end in _cli_names()), None)


@cache
def _cli_names() -> dict[str, str]:
    """The services of AWS by their name in the AWS CLI and in boto3."""
    names = {name: name for name in Loader().list_available_services("service-2")}
    return names | {"s3api": "s3"}


def _names_other_call(name: str) -> bool:
    """Whether a file is named after a call that no inspector uses."""
    stem = name.rpartition("/")[2].lower()
    return re.search(r"(?:^|[^a-z0-9])(describe|list|get)[-_][a-z]", stem) is not None


def _is_of_longer_name(operation: Operation, suffix: str, documents: list[Any]) -> bool:
    """Whether the name is of another call that begins alike, such as describe-volumes-modifications."""
    is_page = not suffix or _PAGE.fullmatch(suffix)
    has_result = any(isinstance(one, dict) and ({operation.result, "Error"} & one.keys()) for one in documents)
    return not is_page and not operation.parent and bool(operation.result) and not has_result


# -- content -------------------------------------------------------------------------------------------------------


def _documents(path: Path, name: str) -> list[Any]:
    """The JSON documents of a file: usually one; several if the answers of several calls were appended.

    UTF-8, UTF-16 and UTF-32 are read, with or without a byte order mark. Of the AWS CLI's text of an error, the code
    and the message are read.
    """
    content = path.read_bytes()
    try:
        text = content.decode(json.detect_encoding(content)).strip("\ufeff \t\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"{name}: is neither UTF-8 nor UTF-16 text. {AS_AWS_PRINTS_IT}") from None
    documents: list[Any] = []
    position = 0
    while position < len(text):
        try:
            document, end = json.JSONDecoder().raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            if match := _ERROR.search(text):
                return [{"Error": {"Code": match[1], "Message": match[2].strip()}}]
            line = text.count("\n", 0, getattr(error, "pos", 0)) + 1
            what = getattr(error, "msg", "nested too deeply")
            raise UsageError(f"{name}: is not JSON (line {line}: {what}). {AS_AWS_PRINTS_IT}") from None
        documents += document if isinstance(document, list) else [document]
        position = end + len(text[end:]) - len(text[end:].lstrip())
    return documents


def _empty_answer(operation: Operation, name: str, suffix: str) -> SavedAnswer:
    """The answer in an empty file. The AWS CLI prints nothing for a bucket that never had a version."""
    if operation.name != "get_bucket_versioning":
        command = f"aws {operation.cli_service} {operation.cli_name}"
        raise UsageError(f"{name}: is empty, so the call failed; run `{command}` again, and look at its error")
    return SavedAnswer(name, operation, SavedObject({}, name), suffix)


def _answer(document: Any, operation: Operation, name: str, suffix: str) -> SavedAnswer:
    command = f"aws {operation.cli_service} {operation.cli_name}"
    if not isinstance(document, dict):
        raise UsageError(f"{name}: is not an object, as `{command}` prints. {AS_AWS_PRINTS_IT}")
    if "Error" in document and isinstance(document["Error"], dict):
        error = {"Code": "Unknown", "Message": "", **document["Error"]}
        return SavedAnswer(name, operation, SavedObject({"Error": error}, name), suffix)
    data = convert(document, operation, name)
    if operation.result and operation.result not in data:
        raise UsageError(f"{name}: has no {operation.result}, which `{command}` prints. {AS_AWS_PRINTS_IT}")
    answer = SavedAnswer(name, operation, data, suffix)
    for number, item in enumerate(answer.items):
        if operation.id and operation.id not in item:
            place = f"{operation.result}[{number}]" if not operation.single else operation.result or "the answer"
            raise UsageError(f"{name}: {place} has no {operation.id}, which AWS always writes. {AS_AWS_PRINTS_IT}")
    return answer


def _operation_of_content(document: Any) -> Operation | None:
    """The only operation whose answer a document can be, for files that are not named after a call."""
    if not isinstance(document, dict):
        return None
    fitting = [operation for operation in OPERATIONS.values() if _fits(document, operation)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(document: dict[str, Any], operation: Operation) -> bool:
    value = document.get(operation.result) if operation.result else document
    items = [value] if operation.single else value
    if not isinstance(items, list) or not items or not operation.id:
        return False
    return all(isinstance(item, dict) and operation.id in item for item in items)
