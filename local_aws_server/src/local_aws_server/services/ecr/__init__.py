"""ECR: digests, tags and storage of images."""
