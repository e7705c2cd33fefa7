"""Send the summary of a run to a webhook or an SNS topic. A failed notification never fails the run."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.errors import describe_error
from esaws.masking import mask_json, register_secret

_SECONDS = 10
_KEYS = ("id", "runbook", "status", "operator", "ticket", "reason", "account", "region", "deployment", "seconds")


def notify(target: str, record: Mapping[str, Any], cloud: Cloud) -> str:
    """Send the summary of a record, and return a line that says whether it was sent.

    `target` is the URL of a webhook, which gets JSON by POST; `env:NAME` of a variable that holds it; or the ARN of an
    SNS topic.
    """
    try:
        summary = summarise(record)
        if target.startswith("arn:"):
            subject = f"{record['runbook']}: {record['status']}"[:100]
            region = target.split(":")[3]
            topic = cloud.in_region(region).client("sns")
            topic.publish(TopicArn=target, Subject=subject, Message=json.dumps(summary, indent=2))
            return f"sent to the topic {target.rpartition(':')[2]}"
        name = target.removeprefix("env:")
        url = os.environ.get(name, "") if name != target else target
        register_secret(url)  # the URL of a webhook is all that is needed to write to it
        if not url.startswith(("http://", "https://")):
            return f"not sent: the environment variable {name} {'is not the URL of a webhook' if url else 'is not set'}"
        request = urllib.request.Request(
            url, json.dumps(summary).encode(), {"Content-Type": "application/json", "User-Agent": "esaws"}
        )
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            return f"sent to the webhook, which answered {response.status}"
    except Exception as error:
        return f"not sent: {mask_json(describe_error(error))}"


def summarise(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a notification says of a run: a line of text, the main keys, its counts and its error. Masked."""
    error = record["error"]
    text = f"{record['runbook']} on {record['deployment']}: {record['status'].replace('_', ' ')}"
    if error:
        text += f"; {error['resource']}: {error['cause']}; next step: {error['next_step']}"
    summary: dict[str, Any] = {
        "text": text,
        **{key: record[key] for key in _KEYS},
        "counts": record["counts"],
        "error": error,
    }
    masked: dict[str, Any] = mask_json(summary)
    return masked
