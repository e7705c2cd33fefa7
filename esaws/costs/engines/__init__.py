"""Where a bill is added up: in this process, on Spark, in Athena or Trino; the same expressions for all."""
