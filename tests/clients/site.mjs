// The AWS SDK for JavaScript v3 creates, describes and deletes one thing of each kind; it prints what it saw as JSON.
import { CloudWatchClient, DescribeAlarmsCommand, PutMetricAlarmCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateSecurityGroupCommand, DeleteSecurityGroupCommand, DescribeInstancesCommand, DescribeVpcsCommand, EC2Client,
} from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand, DeleteClusterCommand, DescribeClustersCommand, ECSClient, RegisterTaskDefinitionCommand,
} from "@aws-sdk/client-ecs";
import {
  DescribeLoadBalancersCommand, ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const seen = {};
const codeOf = async (promise) => promise.then(() => "accepted", (error) => error.name);

const ec2 = new EC2Client();
const [vpc] = (await ec2.send(new DescribeVpcsCommand())).Vpcs;
const group = await ec2.send(new CreateSecurityGroupCommand({ GroupName: "js", Description: "js", VpcId: vpc.VpcId }));
await ec2.send(new DeleteSecurityGroupCommand({ GroupId: group.GroupId }));
seen.vpc = vpc.CidrBlock;
const absent = ec2.send(new DescribeInstancesCommand({ InstanceIds: ["i-0123456789abcdef0"] }));
seen.absentInstance = await absent.catch((error) => [error.name, error.$metadata.attempts]);

const ecs = new ECSClient();
await ecs.send(new CreateClusterCommand({ clusterName: "js" }));
const containerDefinitions = [{ name: "web", image: "nginx", memory: 64 }];
const { taskDefinition } = await ecs.send(new RegisterTaskDefinitionCommand({ family: "js", containerDefinitions }));
seen.revision = taskDefinition.revision;
seen.cluster = (await ecs.send(new DescribeClustersCommand({ clusters: ["js"] }))).clusters[0].status;
await ecs.send(new DeleteClusterCommand({ cluster: "js" }));

const elb = new ElasticLoadBalancingV2Client();
seen.absentLoadBalancer = await codeOf(elb.send(new DescribeLoadBalancersCommand({ Names: ["js"] })));

const s3 = new S3Client({ forcePathStyle: true });
await s3.send(new CreateBucketCommand({ Bucket: "js-bucket" }));
await s3.send(new PutObjectCommand({ Bucket: "js-bucket", Key: "greeting", Body: "hello" }));
const object = await s3.send(new GetObjectCommand({ Bucket: "js-bucket", Key: "greeting" }));
seen.object = await object.Body.transformToString();

const sqs = new SQSClient();
const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "js" }));
await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
seen.message = (await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages[0].Body;

const cloudwatch = new CloudWatchClient();
await cloudwatch.send(new PutMetricAlarmCommand({
  AlarmName: "js", Namespace: "AWS/ECS", MetricName: "CPUUtilization", Statistic: "Average", Period: 60,
  EvaluationPeriods: 1, Threshold: 50.5, ComparisonOperator: "GreaterThanThreshold",
}));
const [alarm] = (await cloudwatch.send(new DescribeAlarmsCommand())).MetricAlarms;
seen.alarm = [alarm.AlarmName, alarm.Threshold, alarm.StateValue];

console.log(JSON.stringify(seen));
