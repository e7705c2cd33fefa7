"""The distinct requests of an access log, with their counts and lines."""

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
"""A request in a log: `GET http://www.example.com:80/path?query HTTP/1.1`."""

_PORT = r":[0-9]+$"
_NO_REQUEST = "it contains no request: the load balancer could not parse what the client sent"
_NO_PATH = "the request is not for a path"


@dataclass(frozen=True)
class DistinctRequests:
    """The distinct requests of a log.

    `frame` has one row for each: port, protocol (HTTP or HTTPS), method, host, path, query, source_ip, user_agent,
    requests (the count). source_ip is empty, and user_agent `-`, where they are not distinguished. `row_of_line` is the
    row of each line of `lines`.
    """

    frame: pandas.DataFrame
    row_of_line: numpy.ndarray[Any, Any]
    lines: pyarrow.Table
    malformed: tuple[MalformedLine, ...]


def distinct_requests(log: AccessLog, *, by_client: bool, by_user_agent: bool) -> DistinctRequests:
    """Return the distinct requests of a log; clients and user agents are only distinguished on request."""
    import numpy
    from pyarrow import compute

    request = log.lines["request"].combine_chunks().dictionary_encode()
    parts = compute.extract_regex(request.dictionary, pattern=_REQUEST)
    parsed = numpy.array(compute.is_valid(parts).to_numpy(zero_copy_only=False), dtype=bool)
    request_of_line = request.indices.to_numpy(zero_copy_only=False)
    is_request = parsed[request_of_line] if len(parsed) else numpy.zeros(len(request_of_line), dtype=bool)
    unparsed = [log.lines["request"][int(index)].as_py() for index in numpy.flatnonzero(~is_request)]
    malformed = tuple(MalformedLine("", text, _NO_REQUEST if text.startswith("- ") else _NO_PATH) for text in unparsed)
    lines = log.lines.filter(is_request)
    keys = [request_of_line[is_request].astype(numpy.int64)]
    columns = []
    for distinguish, name in ((by_client, "client"), (by_user_agent, "user_agent")):
        encoded = lines[name].combine_chunks().dictionary_encode()
        columns.append(encoded)
        keys.append(encoded.indices.to_numpy(zero_copy_only=False).astype(numpy.int64) if distinguish else 0)
    sizes = len(columns[0].dictionary), len(columns[1].dictionary)
    combined = (keys[0] * max(sizes[0], 1) + keys[1]) * max(sizes[1], 1) + keys[2]
    _, first_line, row_of_line, counts = numpy.unique(
        combined, return_index=True, return_inverse=True, return_counts=True
    )
    frame = _frame(parts, keys[0][first_line], counts)
    frame.insert(
        6,
        "source_ip",
        _decode(columns[0], first_line).str.replace(_PORT, "", regex=True).str.strip("[]") if by_client else "",
    )
    frame.insert(7, "user_agent", _decode(columns[1], first_line) if by_user_agent else "-")
    return DistinctRequests(frame, row_of_line, lines, malformed)


def _frame(parts: pyarrow.StructArray, rows: numpy.ndarray[Any, Any], counts: Any) -> pandas.DataFrame:
    import pandas

    names = ("port", "protocol", "method", "host", "path", "query")
    columns = {name: _field(parts, name).take(rows).to_pandas() for name in names}
    columns["port"] = columns["port"].astype(int)
    columns["protocol"] = columns["protocol"].str.upper()
    columns["path"] = columns["path"].replace("", "/")
    return pandas.DataFrame({**columns, "requests": counts})


def _field(parts: pyarrow.StructArray, name: str) -> pyarrow.Array:
    from pyarrow import compute

    return compute.fill_null(compute.struct_field(parts, name), "")


def _decode(encoded: pyarrow.DictionaryArray, rows: numpy.ndarray[Any, Any]) -> pandas.Series[str]:
    return encoded.dictionary.take(encoded.indices.take(rows)).to_pandas()
