"""Data Exports: Cost and Usage Reports (CUR 2.0) of the bill, written to the account's S3 buckets."""
