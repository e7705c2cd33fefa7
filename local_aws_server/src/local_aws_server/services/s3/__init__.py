"""S3: defaults, names, copies, lifecycles and charges, and the operations that moto confuses with others."""
