"""AWS's managed policies exist in every account, without each account paying for reading all 1,500 of them.

The server's environment makes moto load them (`MOTO_IAM_LOAD_MANAGED_POLICIES`).
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html
"""

import json
from functools import cache
from typing import Any

from local_aws_server.clone import clone
from local_aws_server.hooks import patch


@patch("moto.iam.models", "IAMBackend._init_aws_policies")
def policies_of_an_account(self: Any) -> list[Any]:
    return [
        clone(policy, account_id=self.account_id, versions=[*policy.versions], tags={})
        for policy in _policies(self.region_name)
    ]


@cache
def _policies(region: str) -> list[Any]:
    from moto.iam.models import AWSManagedPolicy, aws_managed_policies_data

    data = json.loads(aws_managed_policies_data)
    return [AWSManagedPolicy.from_data(name, "aws", region, each) for name, each in data.items()]
