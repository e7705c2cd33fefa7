"""Inspectors: where a request goes, who reaches whom, what is wrong; pure functions over what AWS describes."""
