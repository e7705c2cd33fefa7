"""Cases in the shape of boto3's answers, with what AWS does; `python -m tests.conformance FILE…` runs them."""
