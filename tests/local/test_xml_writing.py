"""XML is written as xmltodict writes it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws_server import xml_writing

NAMES = st.sampled_from(
    ["Item", "item", "a:b", "_x-1.y", "@xmlns", "@id", "#text", "#comment", "two words", "a/b", "<", 3]
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["a < b & c > d", "\"quoted\" 'twice'\n", Decimal("1.50"), datetime(2026, 1, 1), b"bytes", ()])
)
TREES = st.recursive(
    VALUES, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=4), max_leaves=12
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(["Item", "member", "@id", "#text"]), inside, max_size=4)
    ),
    max_leaves=20,
)


def outcome(unparse: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return unparse(*arguments, **options)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("options", [{"short_empty_elements": True, "pretty": False}, {}, {"pretty": True}])
@given(tree=TREES | PLAIN, full_document=st.booleans())
def test_any_tree(options: dict[str, bool], tree: Any, full_document: bool) -> None:
    document = {"Response": tree}
    expected = outcome(xml_writing._stock_unparse, document, full_document=full_document, **options)
    assert outcome(xml_writing.unparse, document, full_document=full_document, **options) == expected


@given(document=st.dictionaries(NAMES, TREES, max_size=3), full_document=st.booleans())
def test_any_root(document: Any, full_document: bool) -> None:
    expected = outcome(xml_writing._stock_unparse, document, full_document=full_document)
    assert outcome(xml_writing.unparse, document, full_document=full_document) == expected


def test_a_result_is_left_to_xmltodict_only_if_it_is_unusual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_writing, "_stock_unparse", None)
    item = {"id": "i-1", "size": 3, "on": True, "none": None, "empty": "", "list": [], "tags": [{"key": "<"}, {}]}
    written = xml_writing.unparse({"Response": {"@xmlns": "urn:x", "item": [item]}}, short_empty_elements=True)
    assert written == (
        '<?xml version="1.0" encoding="utf-8"?>\n<Response xmlns="urn:x"><item><id>i-1</id><size>3</size><on>true</on>'
        "<none/><empty/><tags><key>&lt;</key></tags><tags/></item></Response>"
    )
