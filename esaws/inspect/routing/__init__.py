"""Where a request goes: the rules of an Application Load Balancer, read as its documentation says they are."""
