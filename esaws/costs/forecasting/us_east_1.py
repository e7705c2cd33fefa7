"""The region in which AWS answers about money, wherever things run."""

from esaws.cloud import Cloud

HOME = "us-east-1"
"""Where the Price List, Free Tier and Account APIs are: https://docs.aws.amazon.com/general/latest/gr/billing.html"""


def at_home(cloud: Cloud) -> Cloud:
    """The same account, asked in us-east-1; its calls go to the same ledger."""
    if cloud.region == HOME:
        return cloud
    home = Cloud(cloud.target, account=cloud.account, region=HOME, deployment=cloud.deployment)
    home.calls = cloud.calls
    return home
