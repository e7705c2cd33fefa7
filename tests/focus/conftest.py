"""Skip the validator tests unless `make test-focus` sets FOCUS_VALIDATOR to the Python that has the validator."""

import os

collect_ignore = [] if "FOCUS_VALIDATOR" in os.environ else ["test_focus_validator.py"]
