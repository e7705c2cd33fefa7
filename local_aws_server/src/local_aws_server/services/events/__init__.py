"""EventBridge: the events of AWS services, schedules, and the delivery to targets."""
