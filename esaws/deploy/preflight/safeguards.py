"""What protects an account on AWS from a deploy: production is left alone, and a monthly price has a limit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from esaws.deploy.preflight.answers import Answers, Unanswered
from esaws.deploy.preflight.needs import Needs
from esaws.deploy.preflight.report import PRICE, PURPOSE, Check
from esaws.errors import UsageError

ALLOW_PRODUCTION = "ESAWS_PRODUCTION"
"""Environment variable: `allow` lets a deploy change an account that looks like production."""
LIMIT = "ESAWS_MAX_USD_MONTH"
"""Environment variable: the highest monthly list price in USD that a deploy on AWS may have."""
DEFAULT_LIMIT = 300.0
"""The large build costs 285 USD a month at list price."""

_PRODUCTION = re.compile(r"(prod|production|prd|live)\d*")
_NEGATIONS = frozenset({"non", "not", "no", "pre"})
_PURPOSE_TAGS = frozenset({"env", "environment", "stage"})


def check_purpose(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that neither the account's alias nor the tags of its instances say that it is production."""
    if not needs.is_aws or not needs.permissions:
        return
    aliases, instances = answers["aliases"], answers["instances"]
    if os.environ.get(ALLOW_PRODUCTION) == "allow":
        yield Check(PURPOSE, True, f"{ALLOW_PRODUCTION}=allow: it may be production")
        return
    tagged = () if isinstance(instances, Unanswered) else (each for each in map(_purpose, instances) if each)
    named = () if isinstance(aliases, Unanswered) else aliases
    signs = [f"its alias is {each}" for each in named if says_production(each)]
    signs += [f"an instance has the tag {each}" for each in sorted(set(tagged)) if says_production(each)]
    if signs:
        fix = f"use an account of its own, or set {ALLOW_PRODUCTION}=allow if you mean this one"
        yield Check(PURPOSE, False, f"it looks like production: {' and '.join(signs)}", fix)
    elif isinstance(aliases, Unanswered):
        fix = "allow iam:ListAccountAliases, or make sure that the account is not production"
        yield Check(PURPOSE, None, f"its alias is not known: {aliases.reason}", fix)
    else:
        yield Check(PURPOSE, True, f"nothing says that it is production; alias: {', '.join(aliases) or 'none'}")


def check_price(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that the list price of the whole deployment is within the limit."""
    if not needs.is_aws or not needs.may_cost:
        return
    limit, fix = price_limit(), f"raise the limit with {LIMIT}=<USD>, or deploy less, such as --profile budget"
    if needs.usd_per_month is None:
        yield Check(PRICE, None, f"it is not known, and the limit is {limit:.2f} USD a month", fix)
    else:
        detail = f"{needs.usd_per_month:.2f} USD a month at list price, and the limit is {limit:.2f}"
        yield Check(PRICE, round(needs.usd_per_month, 2) <= limit, detail, fix)


def price_limit() -> float:
    """The limit in USD a month that the environment sets, or the default one.

    Raises:
        UsageError: the environment sets something else than a positive number.
    """
    text = os.environ.get(LIMIT, "")
    if not text:
        return DEFAULT_LIMIT
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not 0 < limit < float("inf"):
        raise UsageError(f"{LIMIT} is {text!r}: set a positive number of USD, such as {LIMIT}=500")
    return limit


def says_production(text: str) -> bool:
    """Whether a name says production: as a word of its own, and without a `non` or `pre` before it."""
    words = ["", *re.findall(r"[a-z0-9]+", text.lower())]
    return any(_PRODUCTION.fullmatch(word) is not None and before not in _NEGATIONS for before, word in pairwise(words))


def _purpose(instance: Mapping[str, Any]) -> str:
    """The tag of an instance that says what it is for, as `env=prod`; "" if it has none."""
    tags = (tag for tag in instance.get("Tags", ()) if tag["Key"].lower() in _PURPOSE_TAGS)
    return next((f"{tag['Key']}={tag['Value']}" for tag in tags), "")
