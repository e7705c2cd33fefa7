"""`python -m esaws.cli`, where the script `esaws` is not on the path."""

from esaws.cli import main

main()
