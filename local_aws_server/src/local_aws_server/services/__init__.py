"""The hooks around moto, one folder for each AWS service, named as in boto3.

A folder has a module for each aspect: `not_found` (missing resources), `validation` (refused parameters),
`dependencies` (refused deletions), `lifecycle` (changes that take time), `fields` (contents of descriptions) and
`metering` (charges). Other modules are named after what they simulate. `pagination` and `tags` span several services.
"""
