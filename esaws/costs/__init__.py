"""What things cost: read from where AWS tells it, and shown as tables and pictures."""
