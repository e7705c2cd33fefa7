"""Resources of other owners beside a deployment: our names without tags, and the tags of another deployment."""

import json

from esaws.aws import tag_list
from esaws.cloud import DEPLOYMENT_TAG, NAME_TAG, Cloud

OTHER = {DEPLOYMENT_TAG: "other", NAME_TAG: "vpc", "Name": "other-vpc"}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)


def make_foreign_resources(cloud: Cloud) -> None:
    """Make resources that look like those of the deployment of `cloud`, and are not."""
    ec2, name, region = cloud.client("ec2"), cloud.aws_name, cloud.region
    for number, tags in enumerate(({"Name": name("vpc")}, OTHER)):
        specifications = [{"ResourceType": "vpc", "Tags": tag_list(tags)}]
        vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16", TagSpecifications=specifications)["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.0.0/24")["Subnet"]["SubnetId"]
        ec2.create_tags(Resources=[subnet], Tags=tag_list(tags | {"Name": name("public-3a")}))
        group = ec2.create_security_group(GroupName=name("ALB-sg"), Description="not ours", VpcId=vpc)["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0"
        )
        ec2.create_network_interface(SubnetId=subnet, Groups=[group], Description=name("interface"))
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    ec2.create_security_group(GroupName=name("ClientWeb-sg"), Description="not ours", VpcId=default)
    ec2.allocate_address(Domain="vpc")
    ec2.create_volume(AvailabilityZone=f"{region}a", Size=1)
    cloud.client("ecs").create_cluster(clusterName=name("foreign-cluster"), tags=tag_list(OTHER, "key", "value"))
    cloud.client("ecr").create_repository(repositoryName=name("foreign"))
    cloud.client("iam").create_role(RoleName=name(f"foreign-{region}"), AssumeRolePolicyDocument=TRUST)
    cloud.client("logs").create_log_group(logGroupName=f"/{cloud.deployment}/foreign")
    cloud.client("s3").create_bucket(
        Bucket=name(f"foreign-{region}"), CreateBucketConfiguration={"LocationConstraint": region}
    )
    cloud.client("ssm").put_parameter(
        Name=f"/{cloud.deployment}/foreign", Value="theirs", Type="String", Tags=tag_list(OTHER)
    )
    cloud.client("cognito-idp").create_user_pool(PoolName=name("foreign"))
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name("foreign"),
        Namespace="AWS/EC2",
        MetricName="CPUUtilization",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
