"""What keeps a deployment from costing more than it should: parking it, and bringing it back."""
