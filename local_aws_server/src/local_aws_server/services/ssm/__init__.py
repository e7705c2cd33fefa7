"""Systems Manager: AWS's public parameters, and parameters that are missing or refused."""
