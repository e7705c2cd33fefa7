"""KMS: what moto fails at."""
