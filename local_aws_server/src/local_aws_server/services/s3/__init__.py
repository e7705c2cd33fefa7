"""S3: defaults, bucket names and charges, and the operations that moto confuses with others."""
