"""The timeline of a service under a spike, as a frame and as a chart."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import NotDeployed
from esaws.reference.seccom import seccom
from esaws.service_history import COLUMNS

SERVICE = "intrusion-management-api"


def test_a_spike_raises_requests_cpu_targets_and_instances(new_cloud: Callable[[], Cloud]) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("ha", services=(SERVICE, "client-web-ui")), cloud).apply()
    start = simulation.advance(cloud, "30m")
    simulation.traffic(cloud, "spike", path=f"/{SERVICE}/", requests_per_second=20, peak=6, minutes=30)
    end = simulation.advance(cloud, "3h")
    timeline = simulation.timeline(cloud, SERVICE, start, end)
    frame = timeline.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert (frame.index[0], frame.index[-1]) == (start.replace(second=0, microsecond=0), minute_before(end))
    assert len(frame) == (frame.index[-1] - frame.index[0]) / timedelta(minutes=1) + 1
    inside = frame.iloc[1:-1]
    assert inside["requests_per_second"].max() == pytest.approx(120)
    assert inside["cpu_percent"].max() == pytest.approx(100, abs=1)
    for column in ("healthy_targets", "instances"):
        assert (frame[column].iloc[2], frame[column].max(), frame[column].iloc[-2]) == (2, 4, 2), column
    assert len(simulation.requests(cloud, end, end)) <= 1, "a period without length has no requests, and is no error"
    assert len(simulation.timeline(cloud, SERVICE, end, end).to_frame()) <= 1
    counts = simulation.requests(cloud, start, end)
    assert list(counts.columns) == ["requests", "failed"] and len(counts) == len(frame)
    assert counts["requests"].max() == pytest.approx(120 * 60, rel=0.01)
    failing = counts[counts["failed"] > 0]
    assert 0 < len(failing) < 30, "requests fail until the tasks are enough for them"
    chart, again = timeline.draw(), timeline.draw()
    assert chart._repr_svg_() == again._repr_svg_(), "the same timeline gives the same picture"
    assert len(chart.figure.axes) == len(COLUMNS)
    assert "requests_per_second" in timeline._repr_html_() and "requests_per_second" in str(timeline)


def minute_before(end: datetime) -> datetime:
    """The last minute that starts before `end`."""
    return (end - timedelta(microseconds=1)).replace(second=0, microsecond=0)


def test_a_missing_service_has_no_timeline(cloud: Cloud) -> None:
    now = simulation.now(cloud)
    with pytest.raises(NotDeployed, match="nothing is not a service of seccom"):
        simulation.timeline(cloud, "nothing", now - timedelta(hours=1), now)


def test_without_a_load_balancer_no_requests_are_counted(cloud: Cloud) -> None:
    now = simulation.now(cloud)
    with pytest.raises(NotDeployed, match="seccom has no load balancer"):
        simulation.requests(cloud, now - timedelta(hours=1), now)
