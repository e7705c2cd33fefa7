"""AWS's billing APIs have their endpoints in us-east-1, whatever the region of the resources."""

from esaws.cloud import Cloud

BILLING_REGION = "us-east-1"
"""The region of the Price List, Free Tier and Account APIs: https://docs.aws.amazon.com/general/latest/gr/billing.html"""


def billing_cloud(cloud: Cloud) -> Cloud:
    """The same account in us-east-1; its calls go to the same call log."""
    return cloud.in_region(BILLING_REGION)
