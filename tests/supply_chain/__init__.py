"""What the project is made of: licences, known vulnerabilities, a bill of materials, secrets. `make audit` runs it."""
