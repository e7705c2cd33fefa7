"""What a rehearsal foretells for a drifted, broken deployment is what then happens, field by field."""

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.environment import environment_variables
from esaws.errors import UsageError
from esaws.local_aws.scratch import scratch_server
from esaws.resource import Index
from esaws.runbooks.catalogue import find_runbook, list_runbooks
from esaws.runbooks.rehearsal import rehearse
from esaws.runbooks.replica import make_replica

SERVICES = ("client-web-ui", "sites-management-api")

PARAMETERS = {
    "budget_guard": {"at_most_usd": 0.0},
    "deploy": {"profile": "ha", "services": list(SERVICES)},
    "drain_a_zone": {"zone": "eu-west-3a"},
    "open_a_port": {"group": "SitesManagementAPI-sg", "port": 8001},
    "park_and_resume": {},
    "replace_an_instance": {},
    "roll_out_an_image": {"image": "public.ecr.aws/nginx/nginx:1.29"},
    "rotate_the_database_password": {"every": "1s"},
    "scale_a_service": {"desired": 3},
    "tear_down": {},
}
"""Parameters with which each changing runbook has something to change."""


def test_each_changing_runbook_is_rehearsed():
    assert set(PARAMETERS) == {runbook.name for runbook in list_runbooks() if runbook.changes}


def break_it(cloud: Cloud) -> None:
    """Drift and failures: a rule by hand, another size, a health check that fails, and an instance that fails."""
    index = inventory(cloud)
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=id_of(index, "SecurityGroup", "ALB-sg"),
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}
        ],
    )
    group = index.get("AutoScalingGroup", "sites-management-api-asg").raw["AutoScalingGroupName"]
    cloud.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=group, MaxSize=5, DesiredCapacity=3)
    cloud.client("elbv2").modify_target_group(
        TargetGroupArn=id_of(index, "TargetGroup", "sites-management-api-tg"), HealthCheckPath="/nowhere"
    )
    simulation.advance(cloud, "20m")


def id_of(index: Index, kind: str, name: str) -> str:
    live = index.get(kind, name)
    assert live is not None
    return live.id


def essence(error: dict | None) -> dict | None:
    """What is the same in two runs: the cause quotes the last event of ECS, which depends on the second."""
    return error and {key: error[key] for key in ("step", "resource", "code", "next_step")}


def fields(cloud: Cloud) -> dict:
    return {(live.kind, live.id): (live.fields, live.state) for live in inventory(cloud)}


def run_of(cloud: Cloud, folder) -> dict[str, str]:
    return {
        "ESAWS_TARGET": cloud.endpoint,
        "ESAWS_ACCOUNT": cloud.account,
        "ESAWS_RUNS": str(folder / "runs"),
    }


@pytest.mark.runbooks
@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_a_rehearsal_foretells_what_then_happens(runbook, tmp_path, name):
    cloud = runbook.deploy("ha", services=SERVICES)
    break_it(cloud)
    before, calls = fields(cloud), len(cloud.calls)
    with environment_variables(run_of(cloud, tmp_path)):
        rehearsal = rehearse(find_runbook(name), PARAMETERS[name], cloud)
    assert not [call.operation for call in cloud.calls[calls:] if call.changes], "the target is only read"
    assert fields(cloud) == before
    foretold = rehearsal.run.record
    happened = runbook.run(name, **PARAMETERS[name]).record
    assert essence(foretold["error"]) == essence(happened["error"])
    assert foretold["status"] == happened["status"]
    for key in ("changed", "usd", "counts"):
        assert foretold[key] == happened[key], key
    assert [plan["changes"] for plan in foretold["plans"]] == [plan["changes"] for plan in happened["plans"]]
    assert [check["ok"] for check in foretold["checks"]] == [check["ok"] for check in happened["checks"]]
    assert rehearsal.replica.unlike == ()


@pytest.mark.runbooks
def test_a_copy_has_the_drift_the_sizes_and_the_failures_and_says_what_is_not_alike(runbook):
    cloud = runbook.deploy("ha", services=("client-web-ui",))
    index = inventory(cloud)
    group = id_of(index, "SecurityGroup", "ALB-sg")
    by_hand = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[by_hand])
    (listener,) = [live.id for live in index if live.kind == "Listener"]
    cloud.client("elbv2").create_rule(
        ListenerArn=listener,
        Priority=7,
        Conditions=[{"Field": "path-pattern", "Values": ["/maintenance"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )
    scaled = index.get("AutoScalingGroup", "client-web-ui-asg").raw["AutoScalingGroupName"]
    cloud.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=scaled, MinSize=3)
    simulation.advance(cloud, "3m")
    with scratch_server(at=simulation.now(cloud).isoformat()) as url:
        copy = Cloud.at(url, account=cloud.account)
        replica = make_replica(cloud, copy)
        copied = inventory(copy)
    assert replica.profile == "ha"
    assert len(copied.get("AutoScalingGroup", "client-web-ui-asg").raw["Instances"]) == 3
    assert any(live.foreign and live.fields["from_port"] == 8080 for live in copied if live.kind == "SecurityGroupRule")
    assert len(replica.instances) == 3
    assert any("ListenerRule" in sentence and "only in the original" in sentence for sentence in replica.unlike)


def test_a_runbook_that_changes_nothing_has_nothing_to_rehearse(cloud):
    with pytest.raises(UsageError, match="status changes nothing"):
        rehearse(find_runbook("status"), {}, cloud)
