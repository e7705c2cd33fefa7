"""Which local AWS this is: clients whose user agent names another one are refused.

The variable AWS_SDK_UA_APP_ID puts a name into the user agent of every SDK, so it goes where AWS_ENDPOINT_URL goes.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from local_aws_server.call import Call
from local_aws_server.errors import AwsError

_NAMED = re.compile(r"\bapp/esaws-([0-9a-f]{8})\b")


@dataclass
class Identity:
    """The name of this server; one that restores the state of another continues its name."""

    name: str = field(default_factory=lambda: secrets.token_hex(4))

    def belong_to(self, state: Path) -> None:
        """Take the name of the file that keeps the server's state."""
        self.name = hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:8]

    @property
    def app_id(self) -> str:
        """The value of AWS_SDK_UA_APP_ID for clients of this server."""
        return f"esaws-{self.name}"


IDENTITY = Identity()


def check_addressee(call: Call) -> None:
    """Refuse a call that is meant for another local AWS."""
    named = _NAMED.search(call.request.headers.get("User-Agent", ""))
    if named and named[1] != IDENTITY.name:
        raise AwsError(
            "WrongLocalAws",
            f"The call is for the local AWS esaws-{named[1]}, but {IDENTITY.app_id} listens here. "
            'Run eval "$(esaws local env)" in the shell of the caller.',
            400,
        )
