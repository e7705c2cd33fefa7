"""The requests of an access log, each once, with how often it came and which lines it came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws.inspect.routing.access_log import AccessLog, MalformedLine

if TYPE_CHECKING:
    import numpy
    import pandas
    import pyarrow

_REQUEST = (
    r"^(?P<method>[^ ]+) (?P<protocol>[a-z0-9]+)://(?P<host>\[[^\]]*\]|[^/:? ]*):(?P<port>[0-9]+)"
    r"(?P<path>/[^? ]*)?(?:\?(?P<query>[^ ]*))? (?P<version>[^ ]+)$"
)
"""A request as a log tells it: `GET http://www.example.com:80/path?query HTTP/1.1`."""

_PORT = r":[0-9]+$"
_NO_REQUEST = "it tells of no request: the client sent none that the load balancer understood"


@dataclass(frozen=True)
class DistinctRequests:
    """What a log asks for.

    `frame` has one row for each distinct request: port, method, host, path, query, source_ip, user_agent, requests
    (how many); the last two but one are empty and `-` where nobody looks at them. `row_of_line` is the row of each line
    of `lines`.
    """

    frame: pandas.DataFrame
    row_of_line: numpy.ndarray[Any, Any]
    lines: pyarrow.Table
    malformed: tuple[MalformedLine, ...]


def distinct_requests(log: AccessLog, *, ip: bool, agent: bool) -> DistinctRequests:
    """The requests of a log; clients and user agents tell two apart only where somebody looks at them."""
    import numpy
    from pyarrow import compute

    request = log.lines["request"].combine_chunks().dictionary_encode()
    parts = compute.extract_regex(request.dictionary, pattern=_REQUEST)
    understood = numpy.array(compute.is_valid(parts).to_numpy(zero_copy_only=False), dtype=bool)
    of_line = request.indices.to_numpy(zero_copy_only=False)
    is_request = understood[of_line] if len(understood) else numpy.zeros(len(of_line), dtype=bool)
    malformed = tuple(
        MalformedLine("", log.lines["request"][int(place)].as_py(), _NO_REQUEST)
        for place in numpy.flatnonzero(~is_request)
    )
    lines = log.lines.filter(is_request)
    keys = [of_line[is_request].astype(numpy.int64)]
    seen = []
    for looked_at, name in ((ip, "client"), (agent, "user_agent")):
        encoded = lines[name].combine_chunks().dictionary_encode()
        seen.append(encoded)
        keys.append(encoded.indices.to_numpy(zero_copy_only=False).astype(numpy.int64) if looked_at else 0)
    many = len(seen[0].dictionary), len(seen[1].dictionary)
    combined = (keys[0] * max(many[0], 1) + keys[1]) * max(many[1], 1) + keys[2]
    _, first, row_of_line, counts = numpy.unique(combined, return_index=True, return_inverse=True, return_counts=True)
    frame = _frame(parts, keys[0][first], counts)
    frame.insert(5, "source_ip", _told(seen[0], first).str.replace(_PORT, "", regex=True).str.strip("[]") if ip else "")
    frame.insert(6, "user_agent", _told(seen[1], first) if agent else "-")
    return DistinctRequests(frame, row_of_line, lines, malformed)


def _frame(parts: pyarrow.StructArray, rows: numpy.ndarray[Any, Any], counts: Any) -> pandas.DataFrame:
    import pandas

    columns = {name: _field(parts, name).take(rows).to_pandas() for name in ("port", "method", "host", "path", "query")}
    columns["port"] = columns["port"].astype(int)
    columns["path"] = columns["path"].replace("", "/")
    return pandas.DataFrame({**columns, "requests": counts})


def _field(parts: pyarrow.StructArray, name: str) -> pyarrow.Array:
    from pyarrow import compute

    return compute.fill_null(compute.struct_field(parts, name), "")


def _told(encoded: pyarrow.DictionaryArray, rows: numpy.ndarray[Any, Any]) -> pandas.Series[str]:
    return encoded.dictionary.take(encoded.indices.take(rows)).to_pandas()
