"""The pages of the site, from what the repository has. Sphinx makes HTML of them: `make site`."""
