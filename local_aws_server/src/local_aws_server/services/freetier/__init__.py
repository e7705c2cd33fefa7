"""The Free Tier API: usage of the free tier, account plans, and the activities that earn credits."""
