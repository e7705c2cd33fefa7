"""The command line: each command reads its options, calls one function, and prints a table or JSON."""

import sys
from collections.abc import Sequence

import click

from esaws.cli import costs, course, deploy, focus, inspect, lease, local  # noqa: F401 (each registers its commands)
from esaws.cli.common import cli
from esaws.errors import EsawsError, told


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; errors become one message and the exit code of their kind."""
    try:
        code = cli(args=argv, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("esaws: interrupted", err=True)
        code = 1
    except EsawsError as error:
        click.echo(f"esaws: {error}", err=True)
        code = error.exit_code
    except Exception as error:
        if not type(error).__module__.startswith(("botocore", "boto3")):
            raise
        click.echo(f"esaws: {told(error)}", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
