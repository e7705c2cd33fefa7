"""Who can reach whom: security groups, network ACLs, routes and addresses, as pure functions over describe calls."""
