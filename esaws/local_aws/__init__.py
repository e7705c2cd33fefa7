"""The client of the local AWS: start and stop the server, and call its control routes.

The server is another program, the package `local_aws_server`. Nothing here imports it: it is started as a process and
reached over HTTP.
"""
