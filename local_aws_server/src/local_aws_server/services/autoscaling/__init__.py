"""Simulate EC2 Auto Scaling: groups that launch, replace and terminate instances, scaling policies and schedules.

`fleet` brings a group to its desired capacity; `launching` launches one instance of it.
"""
