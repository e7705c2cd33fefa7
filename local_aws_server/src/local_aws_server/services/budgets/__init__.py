"""AWS Budgets: budgets, their actual and forecasted spend from the bill, and their notifications."""
