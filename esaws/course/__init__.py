"""The course: its notebooks, run one after the other, and how far one has come."""
