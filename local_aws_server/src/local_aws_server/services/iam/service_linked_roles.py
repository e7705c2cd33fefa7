"""Service-linked roles: their names, policies and trust, and that only their service changes them."""

from __future__ import annotations

import json
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch

BEHAVIOURS = (
    Behaviour(
        service="IAM",
        statement="A service-linked role has the name, the trust policy and the managed policy that its service gives "
        "it, is made once, takes a suffix from three services only, and is changed and deleted through its service.",
        documentation=(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html",
        ),
    ),
)

_WITH_SUFFIX = frozenset({"autoscaling", "connect", "lexv2"})
_DOMAIN = ".amazonaws.com"
_PREFIX, _PATH = "AWSServiceRoleFor", "/aws-service-role/"

_TABLE = """\
accountdiscovery.ssm AmazonSSM_AccountDiscovery AWSSystemsManagerAccountDiscoveryServicePolicy
acm CertificateManager CertificateManagerServiceRolePolicy
appmesh AppMesh AWSAppMeshServiceRolePolicy
autoscaling AutoScaling AutoScalingServiceRolePolicy
autoscaling-plans AutoScalingPlans_EC2AutoScaling AWSAutoScalingPlansEC2AutoScalingPolicy
backup Backup AWSBackupServiceLinkedRolePolicyForBackup
batch Batch BatchServiceRolePolicy
cks.kms KeyManagementServiceCustomKeyStores AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy
cloudtrail CloudTrail CloudTrailServiceRolePolicy
codestar-notifications CodeStarNotifications AWSCodeStarNotificationsServiceRolePolicy
config Config AWSConfigServiceRolePolicy
connect AmazonConnect AmazonConnectServiceLinkedRolePolicy
dms DMSServerless AWSDMSServerlessServiceRolePolicy
dms-fleet-advisor DMSFleetAdvisor AWSDMSFleetAdvisorServiceRolePolicy
docdb-elastic DocDB-Elastic AmazonDocDB-ElasticServiceRolePolicy
ec2-instance-connect Ec2InstanceConnect Ec2InstanceConnectEndpoint
ecr ECRTemplate ECRTemplateServiceRolePolicy
ecs ECS AmazonECSServiceRolePolicy
eks AmazonEKS AmazonEKSServiceRolePolicy
eks-connector AmazonEKSConnector AmazonEKSConnectorServiceRolePolicy
eks-fargate AmazonEKSForFargate AmazonEKSForFargateServiceRolePolicy
eks-nodegroup AmazonEKSNodegroup AWSServiceRoleForAmazonEKSNodegroup
elasticache ElastiCache ElastiCacheServiceRolePolicy
elasticbeanstalk ElasticBeanstalk AWSElasticBeanstalkServiceRolePolicy
elasticfilesystem AmazonElasticFileSystem AmazonElasticFileSystemServiceRolePolicy
elasticloadbalancing ElasticLoadBalancing AWSElasticLoadBalancingServiceRolePolicy
email.cognito-idp AmazonCognitoIdpEmailService AmazonCognitoIdpEmailServiceRolePolicy
emr-containers AmazonEMRContainers AmazonEMRContainersServiceRolePolicy
emrwal EMRWAL EMRDescribeClusterPolicyForEMRWAL
fis FIS AmazonFISServiceRolePolicy
grafana AmazonGrafana AmazonGrafanaServiceLinkedRolePolicy
imagebuilder ImageBuilder AWSServiceRoleForImageBuilder
iotmanagedintegrations IoTManagedIntegrations AWSIoTManagedIntegrationsRolePolicy
kafka Kafka KafkaServiceRolePolicy
kafkaconnect KafkaConnect KafkaConnectServiceRolePolicy
lakeformation LakeFormationDataAccess LakeFormationDataAccessServiceRolePolicy
lex LexBots AmazonLexBotPolicy
lexv2 LexV2Bots AmazonLexV2BotPolicy
lightsail Lightsail LightsailExportAccess
m2 AWSM2 AWSM2ServicePolicy
memorydb MemoryDB MemoryDBServiceRolePolicy
mq AmazonMQ AmazonMQServiceRolePolicy
mrk.kms KeyManagementServiceMultiRegionKeys AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy
notifications AwsUserNotifications AWSUserNotificationsServiceLinkedRolePolicy
observability.aoss AmazonOpenSearchServerless AmazonOpenSearchServerlessServiceRolePolicy
opensearchservice AmazonOpenSearchService AmazonOpenSearchServiceRolePolicy
ops.apigateway APIGateway APIGatewayServiceRolePolicy
ops.emr-serverless AmazonEMRServerless AmazonEMRServerlessServiceRolePolicy
opsdatasync.ssm SystemsManagerOpsDataSync AWSSystemsManagerOpsDataSyncServiceRolePolicy
opsinsights.ssm AmazonSSM_OpsInsights AWSSSMOpsInsightsServiceRolePolicy
pullthroughcache.ecr ECRPullThroughCache AWSECRPullThroughCache_ServiceRolePolicy
ram ResourceAccessManager AWSResourceAccessManagerServiceRolePolicy
rds RDS AmazonRDSServiceRolePolicy
redshift Redshift AmazonRedshiftServiceLinkedRolePolicy
replication.cassandra KeyspacesReplication KeyspacesReplicationServiceRolePolicy
replication.ecr ECRReplication ECRReplicationServiceRolePolicy
repository.sync.codeconnections GitSync AWSGitSyncServiceRolePolicy
resource-explorer-2 ResourceExplorer AWSResourceExplorerServiceRolePolicy
rolesanywhere RolesAnywhere AWSRolesAnywhereServicePolicy
s3-outposts S3OnOutposts AWSS3OnOutpostsServiceRolePolicy
ses AmazonSES AmazonSESServiceRolePolicy
shield AWSShield AWSShieldServiceRolePolicy
ssm AmazonSSM AmazonSSMServiceRolePolicy
ssm-incidents IncidentManager AWSIncidentManagerServiceRolePolicy
ssm-quicksetup SSMQuickSetup SSMQuickSetupRolePolicy
sso SSO AWSSSOServiceRolePolicy
vpcorigin.cloudfront CloudFrontVPCOrigin AWSCloudFrontVPCOriginServiceRolePolicy
waf WAFLogging WAFLoggingServiceRolePolicy
wafv2 WAFV2Logging WAFV2LoggingServiceRolePolicy
"""
_SCALED = {
    "appstream": "AppStreamFleet",
    "cassandra": "CassandraTable",
    "comprehend": "ComprehendEndpoint",
    "custom-resource": "CustomResource",
    "dynamodb": "DynamoDBTable",
    "ec2": "EC2SpotFleetRequest",
    "ecs": "ECSService",
    "elasticache": "ElastiCacheRG",
    "elasticmapreduce": "EMRInstanceGroup",
    "kafka": "KafkaCluster",
    "lambda": "LambdaConcurrency",
    "neptune": "NeptuneCluster",
    "rds": "RDSCluster",
    "sagemaker": "SageMakerEndpoint",
    "workspaces": "WorkSpacesPool",
}
"""Service → what Application Auto Scaling scales there:
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html"""
_ROLES = {service: (_PREFIX + name, policy) for service, name, policy in map(str.split, _TABLE.splitlines())} | {
    f"{service}.application-autoscaling": (
        f"{_PREFIX}ApplicationAutoScaling_{scaled}",
        f"AWSApplicationAuto{'Scaling' if service == 'custom-resource' else 'scaling'}{scaled}Policy",
    )
    for service, scaled in _SCALED.items()
}
"""Service, without its domain → (name of its role, its managed policy)."""


@before("iam", "CreateServiceLinkedRole")
def check_suffix(call: Call) -> None:
    service = call.params["AWSServiceName"]
    name = service.removesuffix(_DOMAIN)
    if call.params.get("CustomSuffix") and name in _ROLES and name not in _WITH_SUFFIX:
        raise AwsError("InvalidInput", f"Custom suffix is not allowed for {service}", 400)


@patch("moto.iam.models", "IAMBackend.create_service_linked_role")
def create_service_linked_role(self: Any, service_name: str, description: str, suffix: str) -> Any:
    """Replaces moto's function, which makes the name out of the service's, and attaches no policy."""
    service = service_name.removesuffix(_DOMAIN)
    name, policy = _ROLES.get(service, (_PREFIX + _name_of_unknown(service), ""))
    name += f"_{suffix}" if suffix else ""
    if any(role.name == name for role in self.get_roles()):
        message = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise AwsError("InvalidInput", message, 400)
    statement = {"Effect": "Allow", "Principal": {"Service": service_name}, "Action": "sts:AssumeRole"}
    role = self.create_role(
        name,
        json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        f"{_PATH}{service_name}/",
        permissions_boundary=None,
        description=description,
        tags=[],
        max_session_duration="3600",
        linked_service=service_name,
    )
    arn = f"arn:{self.partition}:iam::aws:policy{_PATH}{policy}"
    if arn in self.managed_policies:
        self.attach_role_policy(arn, name)
    return role


def _name_of_unknown(service: str) -> str:
    """A name for the role of a service that is not in the table: `some-part.thing` → Thing_SomePart."""
    return "_".join("".join(word.capitalize() for word in part.split("-")) for part in reversed(service.split(".")))


@patch("moto.iam.models", "IAMBackend.delete_service_linked_role")
def delete_service_linked_role(self: Any, role_name: str) -> str:
    """Replaces moto's function, which refuses a role with policies, and gives an id without the role."""
    from moto.moto_api._internal import mock_random

    role = self.get_role(role_name)
    for policy in list(role.managed_policies.values()):
        policy.detach_from(role)
    self.delete_role(role_name)
    return f"task{role.path}{role_name}/{mock_random.uuid4()}"


@before(
    "iam",
    "AttachRolePolicy",
    "DeleteRole",
    "DeleteRolePolicy",
    "DeleteRolePermissionsBoundary",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
)
def check_changeable(call: Call) -> None:
    name = call.params["RoleName"]
    roles = call.backends.backend("iam").roles.values()
    if any(role.name == name and role.path.startswith(_PATH) for role in roles):
        message = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        raise AwsError("UnmodifiableEntity", message, 400)
