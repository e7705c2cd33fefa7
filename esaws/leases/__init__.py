"""Leases limit how long a deployment exists and what it costs; parking stops what runs and keeps everything.

- `terms`: what a lease agrees on, and whether it holds
- `estimate`: what a deployment has cost so far, at list price
- `lease`: read, grant, recount and end the lease of a deployment
- `expiry_tags`: the end of the lease as a tag of each resource
- `park`: stop a deployment, start it again, and list what it still costs
- `enforce`: park or tear down a deployment that is past its lease
"""
