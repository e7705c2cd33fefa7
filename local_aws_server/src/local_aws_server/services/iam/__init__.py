"""IAM: what is in use, missing, malformed or beyond a quota."""
