"""What policies allow, by reading them."""

import pytest

from esaws.course.role_policies import decide

CLIP = "arn:aws:s3:::clips/site-a/1.mp4"


def statement(effect="Allow", action="s3:PutObject", resource="arn:aws:s3:::clips/site-a/*", **rest):
    return {"Effect": effect, "Action": action, "Resource": resource, **rest}


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        ([], "deny"),
        ([statement()], "allow"),
        ([statement(action="S3:put*")], "allow"),
        ([statement(action=["s3:GetObject", "s3:PutObjec?"])], "allow"),
        ([statement(action="s3:GetObject")], "deny"),
        ([statement(resource="*")], "allow"),
        ([statement(resource="arn:aws:s3:::clips")], "deny"),
        ([statement(resource="arn:aws:s3:::CLIPS/*")], "deny"),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "allow"),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], "deny"),
        ([{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::clips/*"}], "deny"),
        ([statement(), statement("Deny", "s3:*", "*")], "deny"),
        ([statement(Condition={"Bool": {"aws:SecureTransport": "true"}})], "unknown"),
        ([statement(), statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})], "unknown"),
        ([statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})], "deny"),
        (statement(), "allow"),
    ],
)
def test_a_denial_wins_and_a_condition_is_unknown(statements, decision):
    assert decide([{"Version": "2012-10-17", "Statement": statements}], "s3:PutObject", CLIP) == decision
