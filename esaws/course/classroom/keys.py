"""Keys of a class: each learner's is derived from the secret of the class, and signs what the learner hands in.

The instructor has the secret and can compute every key. A learner has one key, and can't compute another learner's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from esaws.course.learner import learner_id, set_learner
from esaws.course.worlds import course_folder
from esaws.errors import Refused, UsageError
from esaws.files import make_private_folder, write_atomically

KEY_VARIABLE = "ESAWS_CLASS_KEY"
"""The variable with a learner's key, for computers whose accounts are set up by a program, such as JupyterHub."""

_BYTES = 32
_CHECK = 6


def new_secret() -> bytes:
    """Return a new secret of a class."""
    return secrets.token_bytes(_BYTES)


def learner_key(secret: bytes, learner: str) -> bytes:
    """Return the key of a learner: HMAC-SHA256 of the id under the secret of the class."""
    return hmac.digest(secret, b"esaws learner\n" + learner.encode(), "sha256")


def sign(key: bytes, content: bytes) -> str:
    """Return the signature of a content: HMAC-SHA256 in hexadecimal digits."""
    return hmac.digest(key, content, "sha256").hex()


def is_signature(key: bytes, content: bytes, signature: str) -> bool:
    """Whether this is the signature of a content."""
    return hmac.compare_digest(sign(key, content).encode(), signature.encode())


def sign_in_code(secret: bytes, learner: str) -> str:
    """Return the code with which a learner signs in: id, key, and a checksum that notices what was mistyped."""
    key = _text(learner_key(secret, learner))
    return f"{learner}:{key}:{_checksum(learner, key)}"


def sign_in(code: str) -> str:
    """Keep the id and the key of a code from `sign_in_code` on this computer, and return the id.

    Raises:
        UsageError: the code is incomplete or mistyped.
        Refused: ESAWS_LEARNER names another learner.
    """
    learner, _, rest = code.strip().partition(":")
    key, _, checksum = rest.partition(":")
    if not key or not hmac.compare_digest(_checksum(learner, key).encode(), checksum.encode()):
        raise UsageError("the sign-in code is incomplete or mistyped: copy the whole line that you were given")
    if (given := os.environ.get("ESAWS_LEARNER")) and given != learner:
        raise Refused(f"ESAWS_LEARNER is {given}, and the code is that of {learner}: unset ESAWS_LEARNER, and sign in")
    set_learner(learner)
    make_private_folder(course_folder())
    write_atomically(_key_file(), f"{learner}:{key}\n", private=True)
    return learner


def own_key() -> bytes | None:
    """Return the key of this computer's learner: ESAWS_CLASS_KEY, else that of the sign-in; None without either.

    Raises:
        UsageError: ESAWS_CLASS_KEY is not a key.
    """
    if given := os.environ.get(KEY_VARIABLE):
        return _bytes(given.strip(), KEY_VARIABLE)
    try:
        owner, _, key = _key_file().read_text("utf-8").strip().partition(":")
    except OSError:
        return None
    return _bytes(key, str(_key_file())) if owner == learner_id() else None


def key_text(secret: bytes, learner: str) -> str:
    """Return the key of a learner as ESAWS_CLASS_KEY holds it."""
    return _text(learner_key(secret, learner))


def _key_file() -> Path:
    return course_folder() / "class_key"


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def _bytes(text: str, source: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise UsageError(f"{source} does not hold a class key: run `esaws course sign-in` with the code of your class")
    return key


def _checksum(learner: str, key: str) -> str:
    return hashlib.sha256(f"{learner}:{key}".encode()).hexdigest()[:_CHECK]
