"""The clock of a local AWS on which the course is run, so that each run has the same days and prices."""

START = "2022-02-28T00:00Z"

CLOCK_ENV = {"ESAWS_AT": START, "ESAWS_STILL": "1"}
"""Environment variables of a server with that clock. It does not follow real time: a slow machine costs nothing."""
