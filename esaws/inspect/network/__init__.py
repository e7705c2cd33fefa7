"""The network of an account: who reaches whom, by addresses, routes, network ACLs and security groups.

`reach` and `matrix` answer questions by name. `path` evaluates one connection step by step; `batch_evaluate` and
`interface_matrix` evaluate all connections at once with the same decisions. Answers are yes, no or unknown.
"""
