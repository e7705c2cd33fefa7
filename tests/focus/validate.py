"""Run focus-validator on files, in an environment of its own: `python validate.py FILE…` prints the results as JSON.

The validator finds its list of currencies only from the folder that it is installed in. pandas reads account ids in a
CSV as numbers, which the validator rejects: text columns are read as text here.
"""

import json
import os
import sys
from pathlib import Path


def refuse_the_network(event, args):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        raise RuntimeError(f"the validator tried to reach {args}")


def validate(file):
    import pandas
    from focus_validator.validator import Validator

    validator = Validator(file, None, "console", rules_version="1.0")
    validator.load()
    rules = validator.spec_rules
    if file.endswith(".csv"):
        types = {rule.column_id: getattr(rule.check, "data_type", None) for rule in rules.rules if is_typed(rule)}
        text = [column for column, type_ in types.items() if type_.value == "string"]
        validator.focus_data = pandas.read_csv(file, dtype=dict.fromkeys(text, "object"))
    result = rules.validate(validator.focus_data)
    failed = (
        {} if result.failure_cases is None else result.failure_cases.astype(str).groupby("Check Name")["Values"].first()
    )
    statuses = {name: rule.status.value for name, rule in result.checklist.items()}
    return {"rows": len(validator.focus_data), "rules": statuses, "failed": dict(failed)}


def is_typed(rule):
    return getattr(rule.check, "data_type", None) is not None


if __name__ == "__main__":
    sys.addaudithook(refuse_the_network)
    files = [str(Path(name).resolve()) for name in sys.argv[1:]]
    import focus_validator

    os.chdir(Path(focus_validator.__file__).parents[1])
    print(json.dumps({file: validate(file) for file in files}))
