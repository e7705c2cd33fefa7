"""Systems Manager: AWS's public parameters, and missing parameters."""
