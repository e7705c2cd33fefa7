"""A local AWS: moto's server with AWS's refusals, a clock, health checks, scaling, faults and a bill.

Run it with `local-aws-server` or `python -m local_aws_server`. Clients reach it over HTTP only:

    $ local-aws-server --port 5000
    $ export AWS_ENDPOINT_URL=http://127.0.0.1:5000
    $ aws ec2 describe-vpcs

`services` has one folder for each AWS service, `billing` meters and rates what runs, `clock` moves the simulated time,
`faults` injects failures, `snapshots` saves and restores the state.
"""

MOTO_VERSION = "5.2.5"
"""The only supported version of moto: the server patches moto's private names, and saved state names its classes."""
