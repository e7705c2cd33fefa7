"""Who can reach what: the sources of a destination, and the answer to one exact question with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws._display import html_table
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.account import Account, account_of
from esaws.inspect.network.endpoint_catalog import KEYS
from esaws.inspect.network.matrix import COLUMNS, ReachabilityMatrix, matrix
from esaws.inspect.network.reach import ReachResult, reach

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False)
class WhoReaches:
    """The sources that reach a destination, and the answer for one source and port where both were given.

    `rows` has source, destination, port, protocol and decision, without denials. `notes` says what they leave out.
    """

    question: str
    rows: pandas.DataFrame
    notes: tuple[str, ...]
    answer: ReachResult | None = None

    @property
    def verdict(self) -> str:
        """The result in one line."""
        if self.answer is not None:
            because = f": {self.answer.because[0]}" if self.answer.because else ""
            return f"{self.question}? {self.answer.decision}{because}"
        unknown = int((self.rows.decision == "unknown").sum())
        rest = f", {unknown} of them perhaps" if unknown else ""
        return f"{self.question}? {len(self.rows)} ways{rest}"

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each way: source, destination, port, protocol, decision (allow or unknown)."""
        return self.rows.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, ways (the rows), notes, and answer: as of `esaws reach`, or null."""
        return {
            "verdict": self.verdict,
            "answer": self.answer.to_dict() if self.answer else None,
            "ways": self.rows.to_dict("records"),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        answer = [repr(self.answer)] if self.answer else []
        return "\n".join([self.verdict, *answer, self.rows.to_string(index=False), *self.notes])

    def _repr_html_(self) -> str:
        import pandas

        answer = self.answer
        lines = [*answer.because, *(f"to allow it: {rule.cli()}" for rule in answer.fix)] if answer else []
        reasons = html_table("", pandas.DataFrame({"because": lines})) if lines else ""
        notes = html_table("", pandas.DataFrame({"left out": self.notes})) if self.notes else ""
        return f"{html_table(self.verdict, self.rows if answer is None else self.rows.iloc[:0])}{reasons}{notes}"


def who_reaches_what(
    source: Account | Cloud,
    destination: str | None = None,
    port: int | None = None,
    *,
    start: str | None = None,
    protocol: str = "tcp",
) -> WhoReaches:
    """Return who reaches a destination on a port; without them, who reaches what at all. Nothing is changed.

    With `start`, a destination and a port it is one question, with the reasons and the smallest missing rule.

    Args:
        source: any account, deployed by esaws or not.
        destination: `alb/NAME`, `service/NAME`, `db/NAME`, `cache/NAME`, `broker/NAME` or `instance/NAME`; for one
            question also an address, a CIDR, `eni-…` or `i-…`.
        port: the port; every port that is open or in use without it.
        start: where connections begin: `internet`, or an end like `destination`.
        protocol: tcp or udp.

    Raises:
        UsageError: an end does not exist; the message lists those that do.
        MissingData: AWS did not describe the network interfaces.
    """
    account = account_of(source, *KEYS)
    answer = reach(account, start, destination, port, protocol) if start and destination and port else None
    whole = matrix(account)
    rows = _ways(whole, start, destination, port, protocol) if answer is None else _ways(whole).iloc[:0]
    if answer is None and destination and port is not None:
        rows = _ways_on_port(account, whole, destination, port, protocol)
    ends = f"who reaches {destination or 'what'}" if not start else f"does {start} reach {destination or 'anything'}"
    on = "" if port is None else f" on {protocol} {port}"
    return WhoReaches(f"{ends}{on}", rows.reset_index(drop=True), tuple(whole.notes()), answer)


def _ways(
    whole: ReachabilityMatrix,
    start: str | None = None,
    destination: str | None = None,
    port: int | None = None,
    protocol: str = "tcp",
) -> pandas.DataFrame:
    """Return the rows of a matrix that are not denied, of some ends and a port."""
    frame = whole.to_frame().astype({"source": str, "destination": str, "decision": str})
    rows = frame[frame.decision != "deny"]
    for column, name in (("source", start), ("destination", destination)):
        if name:
            rows = rows[rows[column] == _known(name, {*frame[column]})]
    return rows if port is None else rows[(rows.port == port) & (rows.protocol == protocol)]


def _ways_on_port(
    account: Account, whole: ReachabilityMatrix, destination: str, port: int, protocol: str
) -> pandas.DataFrame:
    """Return who reaches a destination on one port: the matrix has no row for a port that only a range opens."""
    import pandas

    frame = whole.to_frame().astype({"source": str, "destination": str})
    name = _known(destination, {*frame.destination})
    with_itself = not frame[(frame.source == name) & (frame.destination == name)].empty
    sources = [source for source in dict.fromkeys(frame.source) if source != name or with_itself]
    answers = [(source, reach(account, source, name, port, protocol).decision) for source in sorted(sources)]
    rows = [(source, name, port, protocol, decision) for source, decision in answers if decision != "deny"]
    return pandas.DataFrame(rows, columns=[*COLUMNS])


def _known(name: str, known: set[str]) -> str:
    """Return the name in the matrix: it leaves the deployment out. Raises UsageError."""
    if name in known:
        return name
    kind, _, rest = name.partition("/")
    for candidate in sorted(known):
        if candidate.startswith(f"{kind}/") and rest.endswith(f"-{candidate.partition('/')[2]}"):
            return candidate
    listed = ", ".join(sorted(known)) or "none"
    raise UsageError(
        f"{name}: not an end that has rows of its own; give both ends and a port for one exact question, or choose "
        f"from: {listed}"
    )
