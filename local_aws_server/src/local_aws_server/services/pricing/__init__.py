"""The Price List API, answered from the bundled price list."""
