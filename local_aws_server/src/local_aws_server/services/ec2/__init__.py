"""EC2 and VPC: networks, security groups, interfaces, NAT gateways, instances and launch templates.

`nat_gateways`, `security_groups` and `routes` hold all about these. Deletions that AWS refuses are in `dependencies`,
missing resources in `not_found`, other refused parameters in `validation`, charges in `metering`. `interfaces` and
`instances` are the libraries that other services use; `service_interfaces` and `lifecycle` are the hooks on top.
"""
