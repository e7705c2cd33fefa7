"""Lists in pages: moto gives many of them at once, whatever size was asked for."""

from typing import Any

from tests.local.cases import case


@case("clusters are listed in pages", aws=[2, 2, 1], stock=[5])
def ask_clusters(account: Any) -> Any:
    ecs = account.client("ecs")
    for number in range(5):
        ecs.create_cluster(clusterName=f"c{number}")
    pages = ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2})
    return [len(page["clusterArns"]) for page in pages]


@case("clusters that are deleted page by page are all seen", aws=[2, 2, 1], stock=[5])
def ask_clusters_that_go(account: Any) -> Any:
    ecs, sizes = account.client("ecs"), []
    for number in range(5):
        ecs.create_cluster(clusterName=f"c{number}")
    for page in ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2}):
        sizes.append(len(page["clusterArns"]))
        for arn in page["clusterArns"]:
            ecs.delete_cluster(cluster=arn)
    return sizes


@case("security groups and subnets are described in pages", aws=([5, 2], [5, 1]), stock=([7], [6]))
def ask_network(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for number in range(6):
        ec2.create_security_group(GroupName=f"g{number}", Description="group", VpcId=vpc)
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")
    asked = {"Filters": [{"Name": "vpc-id", "Values": [vpc]}], "PaginationConfig": {"PageSize": 5}}
    groups = ec2.get_paginator("describe_security_groups").paginate(**asked)
    subnets = ec2.get_paginator("describe_subnets").paginate(**asked)
    return [len(page["SecurityGroups"]) for page in groups], [len(page["Subnets"]) for page in subnets]


@case("a load balancer's listeners are described in pages", aws=[2, 1], stock=[3])
def ask_listeners(account: Any) -> Any:
    elb, (_, subnets, group) = account.client("elbv2"), account.network()
    balancer = elb.create_load_balancer(Name="a", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    asked = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
    answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    for port in (80, 81, 82):
        elb.create_listener(Protocol="HTTP", Port=port, DefaultActions=answer, **asked)
    pages = elb.get_paginator("describe_listeners").paginate(PaginationConfig={"PageSize": 2}, **asked)
    return [len(page["Listeners"]) for page in pages]
