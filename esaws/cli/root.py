"""The group of all commands: what `esaws --help` lists, and the module of each command."""

import click

from esaws.cli.common import LazyGroup

COMMANDS = {
    "class": ("classroom", "Give learners ids, grade what they hand in, and compare it."),
    "cost": ("cost", "Forecast the cost of a profile, and read bills."),
    "course": ("course", "Create, run or check the course."),
    "deploy": ("deploy", "Deploy a profile, or complete a deployment."),
    "doctor": ("doctor", "Check this machine, and the account for a first deploy."),
    "draw": ("draw", "Draw a profile (no AWS calls), or with --live the deployed account."),
    "findings": ("inspect", "List problems of the account, each with its evidence and a fix."),
    "health": ("inspect", "Show every target of every load balancer, with the cause of its state."),
    "image": ("image", "Push a folder as an image that runs on the local AWS, or list the images."),
    "inventory": ("deploy", "List the resources that the deployment owns."),
    "lab": ("lab", "Find and repair a fault in a running system, on the local AWS."),
    "lease": ("lease", "Show, grant, remove or enforce the lease of the deployment."),
    "leftovers": ("deploy", "List what is left of a deployment, with its price a month."),
    "local": ("local", "Start, stop and control the local AWS."),
    "lock": ("lock", "Show who changes the deployment now, or remove a lock that was left behind."),
    "matrix": ("inspect", "Show which services, load balancers, stores and instances reach each other."),
    "park": ("lease", "Stop everything that runs; `esaws resume` starts it again."),
    "policy": ("policy", "Print the IAM policy that a command or a runbook needs."),
    "new": ("new", "Create a runbook, an exercise or a lab of one's own."),
    "plan": ("deploy", "Show what a deploy would change, with monthly list prices."),
    "reach": ("inspect", "Check whether FROM reaches TO on PORT, and why."),
    "resume": ("lease", "Start a parked deployment again."),
    "routes": ("inspect", "Show the rules of a load balancer in order of evaluation."),
    "run": ("run", "Run a runbook, or any notebook, with parameters."),
    "runbooks": ("run", "List the runbooks, with their parameters."),
    "runs": ("runs", "List past runs, compare two, or write a page of all."),
    "snapshot": ("snapshot", "Save what the inspectors read of an account as JSON files, without secrets."),
    "teardown": ("deploy", "Delete everything the deployment owns, and verify it."),
    "trace": ("inspect", "Trace a request from the load balancer to the container."),
}
"""Command → (its module in this package, its help on one line)."""


@click.group(
    cls=LazyGroup,
    lazy_commands={name: (f"esaws.cli.{module}", text) for name, (module, text) in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="esaws")
def cli() -> None:
    """Draw, deploy, inspect, price and tear down a container system, on a local AWS or on AWS.

    Environment: ESAWS_TARGET (local, aws or a URL), ESAWS_REGION, ESAWS_DEPLOYMENT; on aws also ESAWS_ACCOUNT.
    """
