"""A generated password, stored as an encrypted SSM parameter. No code or notebook contains it."""

import secrets
import string
from dataclasses import dataclass
from typing import Self

from esaws.cloud import Cloud
from esaws.documented import OF_ESAWS, Between, Field
from esaws.resource import Live, Lives, Resource
from esaws.resources import _ssm

# Valid without quoting in PostgreSQL, RabbitMQ and their URLs.
_ALPHABET = string.ascii_letters + string.digits

_LENGTH = Between(12, 128, "characters: RabbitMQ takes 12 or more, RDS up to 128")


@dataclass(frozen=True, kw_only=True)
class PasswordParameter(Resource):
    """A password of `length` letters and digits under `/<deployment>/<name>`. A deploy never overwrites it."""

    length: int = 24

    not_compared = frozenset({"length"})
    icon = _ssm.ICON
    free = _ssm.FREE
    permissions = _ssm.PERMISSIONS
    documented = (_ssm.documented_put("SecureString", Field("length", _LENGTH, OF_ESAWS)), _ssm.DOCUMENTED_DELETE)

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        return [Live(cls.kind, name, raw["Name"], raw=raw) for name, raw in _ssm.list_owned(cloud, "SecureString")]

    def value(self, cloud: Cloud) -> str:
        """Return the password.

        Raises:
            NotDeployed: it does not exist.
        """
        response = cloud.client("ssm").get_parameter(Name=self.id_in(cloud), WithDecryption=True)
        return str(response["Parameter"]["Value"])

    def create(self, cloud: Cloud) -> None:
        self.remember_id(cloud, _ssm.put(cloud, self.name, "SecureString", self._generate()))

    def renew(self, cloud: Cloud) -> int:
        """Store a new password as the next version of the parameter, and return its number."""
        put = cloud.client("ssm").put_parameter
        return int(put(Name=self.id_in(cloud), Type="SecureString", Value=self._generate(), Overwrite=True)["Version"])

    def _generate(self) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(self.length))

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        _ssm.delete(cloud, live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(name="database-password")
