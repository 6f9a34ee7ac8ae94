"""The alarm on the total."""

import os

from environment import Internal, client

ALARM_NAME = os.environ["ALARM_NAME"]

cloudwatch = client("cloudwatch")


def describe():
    alarms = cloudwatch.describe_alarms(AlarmNames=[ALARM_NAME])["MetricAlarms"]
    if len(alarms) != 1:
        raise Internal(f"DescribeAlarms failed: there is no alarm {ALARM_NAME}")
    return alarms[0]
