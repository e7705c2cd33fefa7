"""Import Jupyter's libraries without what takes them a second and notebooks do not use."""

import sys
from importlib import import_module


def import_without_iri_grammar() -> None:
    """Import jsonschema, on which nbformat depends, without its check of internationalised addresses.

    That check parses a grammar, for 1.1 s in every process. Notebooks have no such addresses. Source:
    https://github.com/python-jsonschema/jsonschema/issues/1428
    """
    if "jsonschema" in sys.modules or "rfc3987_syntax" in sys.modules:
        return
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        import_module("jsonschema")
    finally:
        del sys.modules["rfc3987_syntax"]
