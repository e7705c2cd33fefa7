"""ECR: digests, layers, tags, scans and lifecycle policies of images, and the charges of their storage."""
