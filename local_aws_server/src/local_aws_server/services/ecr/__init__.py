"""ECR: digests, tags, scans and lifecycle policies of images, and the charges of their storage."""
