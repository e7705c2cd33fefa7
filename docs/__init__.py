"""Scripts that write or check pages, pictures and notebooks."""
