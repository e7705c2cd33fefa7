"""Find out which parent each saved answer belongs to: many of AWS's answers don't contain its id."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from esaws.inspect.calls import Raw
from esaws.inspect.snapshots.files import SavedAnswer
from esaws.inspect.snapshots.operations import OPERATIONS, Operation

Answers = Mapping[str, Sequence[SavedAnswer]]
"""The answers under the key of their operation; empty for a key without any."""


def attribute(operation: Operation, answers: Answers, ignored: dict[str, str]) -> dict[str, list[SavedAnswer]]:
    """The answers of each parent: named in the answer, in its items, or in the file's name, in this order.

    An answer that names no parent belongs to the only one there is. Empty answers that name none belong to the
    remaining parents, if there are as many.
    """
    parents = _parents(operation, answers)
    found: defaultdict[str, list[SavedAnswer]] = defaultdict(list)
    rest: list[SavedAnswer] = []
    for answer in answers[operation.key]:
        ids = _parents_of(answer, parents)
        if ids is None:
            ignored[answer.file] = f"{answer.suffix!r} names none of {', '.join(sorted(parents.values()))}"
        elif not ids:
            rest.append(answer)
        for id in ids or ():
            found[id].append(_of_parent(answer, id))
    remaining = [id for id in parents if id not in found]
    is_only_one = len(parents) == 1 and remaining and len({answer.file for answer in rest}) == 1
    is_error = bool(rest) and all("Error" in answer.data for answer in rest)
    are_empty = bool(rest) and not any(answer.items for answer in rest)
    if is_only_one or is_error or (are_empty and (operation.one_call_for_all or len(rest) >= len(remaining))):
        for id in remaining:
            found[id] = rest
    elif operation.one_call_for_all and answers[operation.key]:
        if not any(answer.suffix for answer in answers[operation.key]):
            for id in remaining:
                found[id] = [_of_parent(answer, id) for answer in answers[operation.key]]
    elif rest and parents:
        for answer in rest:
            names = ", ".join(sorted(parents[id] for id in remaining)) or "no further parent"
            ignored[answer.file] = f"its name ends with none of {names}"
    return dict(found)


def _parents(operation: Operation, answers: Answers) -> dict[str, str]:
    """The parents of an operation's answers: id and name."""
    parents = OPERATIONS.get(operation.parents)
    if parents is None:
        return {}
    items = [item for answer in answers[parents.key] for item in answer.items]
    if operation.key == "elbv2 describe_rules":
        items = [item for item in items if "/app/" in item["ListenerArn"]]
    return {item[parents.id]: _name_of(item, item[parents.id]) for item in items}


def _parents_of(answer: SavedAnswer, parents: dict[str, str]) -> list[str] | None:
    """The ids of the parents that an answer names; empty if it names none, None if its name has an unknown one."""
    operation = answer.operation
    known = answer.data.get(operation.parent)
    if isinstance(known, str):
        return [known]
    if ids := list(dict.fromkeys(filter(None, (operation.parent_of(item) for item in answer.items)))):
        return ids
    labels = {_normal(label): id for id, name in parents.items() for label in (name, id, short_name(id))}
    for suffix in filter(None, answer.suffixes):
        if id := labels.get(_normal(suffix)):
            return [id]
    is_named = answer.suffixes[-1] and parents and not operation.one_call_for_all
    return None if is_named else []


def _of_parent(answer: SavedAnswer, parent: str) -> SavedAnswer:
    """The part of an answer that belongs to a parent."""
    operation = answer.operation
    items = answer.items
    kept = [item for item in items if operation.parent_of(item) in (None, parent)]
    if operation.single or len(kept) == len(items):
        return answer
    data = answer.data | {operation.result: kept}
    return SavedAnswer(answer.file, operation, data, answer.suffix)


def _name_of(item: Raw, id: str) -> str:
    """The name of a parent: that of a listener is its load balancer's name and its port."""
    if "ListenerArn" in item:
        return f"{item['ListenerArn'].split('/')[2]}-{item.get('Port', '')}"
    names = (value for key, value in item.items() if key.lower().endswith("name") and key != "DNSName")
    return str(next(names, id))


def short_name(id: str) -> str:
    """The last part of an ARN, or a name as it is."""
    return id.rpartition("/")[2]


def _normal(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")
