"""Simulate Application Auto Scaling, and the policies that EC2 Auto Scaling shares with it.

`policies` applies the policies that alarms trigger, with the arithmetic of `policy_math`. `scalables` treats the tasks
of an ECS service and the instances of an Auto Scaling group alike.
"""
