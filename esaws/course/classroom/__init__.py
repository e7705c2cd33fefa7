"""A class: ids and keys of learners, files that they hand in, and their grades."""
