"""What load balancers do by themselves: traffic comes in, targets are checked."""
