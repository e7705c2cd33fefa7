"""Answer calls from a folder of saved answers. What the folder does not hold is unknown, never empty."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from esaws.inspect.calls import NotFetched, Raw
from esaws.inspect.snapshots.files import SavedAnswer, SavedFolder
from esaws.inspect.snapshots.operations import OPERATIONS, Operation
from esaws.inspect.snapshots.owner import find_owner
from esaws.inspect.snapshots.parents import attribute, short_name

_COUNTS = {
    "ecs describe_services": ("activeServicesCount",),
    "ecs describe_tasks": ("runningTasksCount", "pendingTasksCount"),
    "ecs describe_container_instances": ("registeredContainerInstancesCount",),
}
"""What describe_clusters counts, which shows whether the answers of a cluster are complete."""


class SavedCalls:
    """Answers calls as `CloudCalls` does, from a folder that was read."""

    def __init__(self, folder: SavedFolder, region: str | None = None) -> None:
        """`region` is needed if the files name none. Raises UsageError if they name several accounts or regions."""
        self.ignored = dict(folder.ignored)
        self.notes: list[str] = []
        self._answers: defaultdict[str, list[SavedAnswer]] = defaultdict(list)
        for answer in folder.answers:
            self._answers[answer.operation.key].append(answer)
        self.account, self.region = find_owner(folder, self._answers, region)
        self._attributed = {
            operation.key: attribute(operation, self._answers, self.ignored)
            for operation in OPERATIONS.values()
            if operation.parent
        }
        self._add_note_of_stopped_tasks()

    # -- calls -----------------------------------------------------------------------------------------------------

    def pages(self, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        yield from self.call(service, operation, **parameters)[result]

    def call(self, service: str, operation: str, **parameters: Any) -> Raw:
        asked = OPERATIONS[f"{service} {operation}"]
        if asked.lists:
            return {asked.result: self._listed(asked, parameters)}
        answers = self._answers_to(asked, parameters)
        if asked.single:
            return answers[-1].data
        items = _without_copies(asked, (item for answer in answers for item in answer.items))
        return {asked.result: self._filtered(asked, items, parameters)}

    def _answers_to(self, operation: Operation, parameters: Raw) -> list[SavedAnswer]:
        parent = parameters.get(operation.parent) if operation.parent else None
        answers = self._answers[operation.key] if parent is None else self._attributed[operation.key].get(parent, [])
        if not answers:
            raise NotFetched(f"not in the snapshot: run `{_command(operation, parameters)}`")
        for answer in answers:
            if error := answer.data.get("Error"):
                raise ClientError({"Error": error}, _api_name(operation))
        if "MaxRecords" not in parameters and all(answer.has_more for answer in answers):
            command = _command(operation, parameters)
            raise NotFetched(f"{answers[-1].file} is one page of several: run `{command}` without --max-items")
        return answers

    def _filtered(self, operation: Operation, items: list[Any], parameters: Raw) -> list[Any]:
        """The items that AWS would return for the parameters."""
        if operation.name == "describe_launch_template_versions":
            return self._versions(operation, items, parameters)
        if operation.service == "ecs" and not operation.lists and operation.result in parameters:
            return self._described(operation, items, parameters)
        if operation.name == "list_buckets":
            return [item for item in items if item.get("BucketRegion", self.region) == self.region]
        return items

    def _versions(self, operation: Operation, items: list[Any], parameters: Raw) -> list[Any]:
        found = []
        for version in parameters["Versions"]:
            latest: dict[str, int] = {}
            for item in items:
                latest[item["LaunchTemplateId"]] = max(latest.get(item["LaunchTemplateId"], 0), item["VersionNumber"])
            of_version = [
                item
                for item in items
                if (version == "$Latest" and item["VersionNumber"] == latest[item["LaunchTemplateId"]])
                or (version == "$Default" and item.get("DefaultVersion"))
                or version == str(item["VersionNumber"])
            ]
            if not of_version and operation.parent in parameters:
                raise NotFetched(f"not in the snapshot: run `{_command(operation, parameters)}`")
            found += [item for item in of_version if item not in found]
        return found

    def _described(self, operation: Operation, items: list[Any], parameters: Raw) -> list[Any]:
        by_arn = {item[operation.id]: item for item in items}
        gone = {
            failure.get("arn")
            for answer in self._answers[operation.key]
            for failure in answer.data.get("failures", ())
            if failure.get("reason") == "MISSING"
        }
        if absent := [arn for arn in parameters[operation.result] if arn not in by_arn.keys() | gone]:
            needed = {**parameters, operation.result: absent}
            raise NotFetched(f"not in the snapshot: run `{_command(operation, needed)}`")
        return [by_arn[arn] for arn in parameters[operation.result] if arn in by_arn]

    # -- ECS's lists of ARNs ---------------------------------------------------------------------------------------

    def _listed(self, operation: Operation, parameters: Raw) -> list[str]:
        """The ARNs that a list call returns: those that were saved, and those that are described."""
        describing = OPERATIONS[operation.lists]
        has_list, has_descriptions = self._has(operation, parameters), self._has(describing, parameters)
        listed: list[str] = []
        described: list[Any] = []
        if has_list:
            listed = [arn for answer in self._answers_to(operation, parameters) for arn in answer.items]
        elif not has_descriptions and self._expected(describing, parameters) == 0:
            return []
        if has_descriptions or not has_list:
            answers = self._answers_to(describing, parameters)
            described = [item for answer in answers for item in answer.items]
            if not has_list and not any(answer.suffix for answer in answers):
                self._require_complete(describing, described, parameters)
        statuses = {item[describing.id]: item.get("desiredStatus", "RUNNING") for item in described}
        arns = list(dict.fromkeys([*statuses, *listed]))
        wanted = parameters.get("desiredStatus")
        return [arn for arn in arns if not wanted or statuses.get(arn, "RUNNING") == wanted]

    def _has(self, operation: Operation, parameters: Raw) -> bool:
        if not operation.parent:
            return bool(self._answers[operation.key])
        return parameters[operation.parent] in self._attributed[operation.key]

    def _expected(self, describing: Operation, parameters: Raw) -> int | None:
        """How many AWS counts in a cluster; None where that is not known."""
        counts = _COUNTS.get(describing.key, ())
        for answer in self._answers["ecs describe_clusters"]:
            for cluster in answer.items:
                if counts and cluster["clusterArn"] == parameters.get("cluster"):
                    known = [cluster[count] for count in counts if count in cluster]
                    return sum(known) if len(known) == len(counts) else None
        return None

    def _require_complete(self, describing: Operation, described: list[Any], parameters: Raw) -> None:
        expected = self._expected(describing, parameters)
        present = sum(item.get("lastStatus") != "STOPPED" for item in described)
        if expected is not None and present < expected:
            what = f"{present} of the {expected} {describing.result} of {short_name(parameters['cluster'])}"
            raise NotFetched(f"the snapshot has {what}: run `{_command(describing, parameters)}`")

    def _add_note_of_stopped_tasks(self) -> None:
        tasks = self._answers["ecs describe_tasks"]
        whole_clusters = any(answer.suffix for answer in tasks)
        stopped = any(item.get("lastStatus") == "STOPPED" for answer in tasks for item in answer.items)
        if tasks and not stopped and not whole_clusters:
            self.notes.append(
                "stopped tasks are not in the snapshot: describe those of "
                "`aws ecs list-tasks --cluster NAME --desired-status STOPPED`, too"
            )


def _without_copies(operation: Operation, items: Iterable[Any]) -> list[Any]:
    """The items without those that pages or several files repeat."""
    found: list[Any] = []
    seen: set[str] = set()
    for item in items:
        key = repr(sorted(item.items(), key=str)) if isinstance(item, dict) else str(item)
        if key not in seen:
            seen.add(key)
            found.append(item)
    return found


def _api_name(operation: Operation) -> str:
    return "".join(word.capitalize() for word in operation.name.split("_"))


def _command(operation: Operation, parameters: Raw) -> str:
    """The AWS CLI command whose answer is needed, and the file for it if its name has to name the parent."""
    words = ["aws", operation.cli_service, operation.cli_name]
    for name, value in parameters.items():
        values = value if isinstance(value, list) else [value]
        if isinstance(value, bool):
            words.append(f"--{xform_name(name, '-')}")
        elif name not in ("MaxResults", "MaxRecords", "BucketRegion"):
            words += [f"--{xform_name(name, '-')}", *(shlex.quote(str(one)) for one in values)]
    file = operation.cli_name
    if operation.parent in parameters and operation.parents:
        file += f".{short_name(str(parameters[operation.parent]))}"
    return f"{' '.join(words)} > {file}.json"
