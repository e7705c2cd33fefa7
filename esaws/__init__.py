"""Draw, deploy, look at, price and tear down a containerised system on AWS, or on a local AWS."""
