"""The pages of the site: their sources, and how they are in a browser."""
