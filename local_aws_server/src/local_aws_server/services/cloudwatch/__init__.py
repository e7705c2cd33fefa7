"""What CloudWatch does by itself: resources are measured, alarms evaluated."""
