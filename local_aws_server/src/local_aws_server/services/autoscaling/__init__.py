"""What Auto Scaling groups do by themselves."""
