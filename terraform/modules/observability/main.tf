# Modest on purpose: one log group, and alarms on what docs/operating.md calls trouble. For dashboards, let Prometheus scrape
# the agents (scrape_cidrs of the modules gateway and compactor); docs/metrics.md lists every metric.

locals {
  actions = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]

  # Metrics of the program, which CloudWatch's agent on each instance reads from /metrics. Labels: cluster, role.
  program_alarms = {
    registration = {
      role       = "gateway"
      metric     = "alluvium_registration_valid"
      statistic  = "Minimum"
      comparison = "LessThanThreshold"
      threshold  = 1
      means      = "An agent's heartbeats are not accepted: others have taken over its groups."
    }
    degraded = {
      role       = "gateway"
      metric     = "alluvium_degraded"
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      means      = "An agent cannot use the bucket."
    }
    view-lag = {
      role       = "gateway"
      metric     = "alluvium_view_lag_milliseconds"
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = var.thresholds.view_lag_milliseconds
      means      = "An agent does not keep up with the feed: its consumers get nothing new."
    }
    throttling = {
      role       = "gateway"
      metric     = "alluvium_produce_bytes_per_second_max"
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      means      = "Producers are slowed down to what compaction can do: add a compactor."
    }
    compaction-lag = {
      role       = "compactor"
      metric     = "alluvium_compaction_lag_bytes"
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = var.thresholds.compaction_lag_bytes
      means      = "Compaction falls behind: add a compactor, or read its log."
    }
  }

  # What each machine of FoundationDB reports once a minute.
  foundationdb_alarms = {
    unavailable = {
      metric     = "FoundationDBAvailable"
      statistic  = "Maximum"
      comparison = "LessThanThreshold"
      threshold  = 1
      periods    = 3
      missing    = "breaching"
      means      = "FoundationDB does not answer: nothing can be produced."
    }
    no-tolerance = {
      metric     = "FoundationDBZoneFailuresTolerated"
      statistic  = "Minimum"
      comparison = "LessThanThreshold"
      threshold  = 1
      periods    = 15
      missing    = "breaching"
      means      = "The next failure stops FoundationDB: replace what failed."
    }
    backup-behind = {
      metric     = "FoundationDBBackupSecondsBehind"
      statistic  = "Minimum"
      comparison = "GreaterThanThreshold"
      threshold  = var.thresholds.backup_seconds_behind
      periods    = 15
      missing    = "breaching"
      means      = "There is no backup that could be restored, or it is far behind."
    }
    space = {
      metric     = "FoundationDBOperatingSpaceBytes"
      statistic  = "Minimum"
      comparison = "LessThanThreshold"
      threshold  = var.thresholds.foundationdb_space_minimum
      periods    = 15
      missing    = "missing"
      means      = "FoundationDB runs out of disk: enlarge its volumes."
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158: logs hold no records and no secrets; CloudWatch encrypts them with its own key
  # checkov:skip=CKV_AWS_338: who needs a year sets log_days
  name              = "/alluvium/${var.name}"
  retention_in_days = var.log_days
  tags              = var.tags
}

resource "aws_cloudwatch_metric_alarm" "program" {
  for_each = local.program_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.means
  namespace           = "Alluvium"
  metric_name         = each.value.metric
  dimensions          = { cluster = var.name, role = each.value.role }
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = 10
  datapoints_to_alarm = 10
  treat_missing_data  = "missing"
  alarm_actions       = local.actions
  ok_actions          = local.actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "foundationdb" {
  for_each = local.foundationdb_alarms

  alarm_name          = "${var.name}-foundationdb-${each.key}"
  alarm_description   = each.value.means
  namespace           = "Alluvium"
  metric_name         = each.value.metric
  dimensions          = { cluster = var.name }
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = local.actions
  ok_actions          = local.actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "machine" {
  for_each = var.machines

  alarm_name          = "${var.name}-foundationdb-${each.key}"
  alarm_description   = "A machine of FoundationDB fails its status checks. Replace it: FAILED=1 ./roll-foundationdb ENVIRONMENT ${each.key}. That first runs aws ec2 stop-instances --force --instance-ids ${each.value}, then tofu apply -replace."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  dimensions          = { InstanceId = each.value }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  treat_missing_data  = "breaching"
  alarm_actions       = local.actions
  ok_actions          = local.actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "group" {
  for_each = var.groups

  alarm_name          = "${var.name}-${each.key}-missing"
  alarm_description   = "Fewer instances are in service than there shall be at least."
  namespace           = "AWS/AutoScaling"
  metric_name         = "GroupInServiceInstances"
  dimensions          = { AutoScalingGroupName = each.value.group_name }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = each.value.min
  period              = 60
  evaluation_periods  = 15
  datapoints_to_alarm = 15
  treat_missing_data  = "breaching"
  alarm_actions       = local.actions
  ok_actions          = local.actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "not_ready" {
  count = var.load_balancer == null ? 0 : 1

  alarm_name          = "${var.name}-not-ready"
  alarm_description   = "An agent has not answered 200 to /readyz for ten minutes; `curl` says why."
  namespace           = "AWS/NetworkELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = { LoadBalancer = var.load_balancer.load_balancer, TargetGroup = var.load_balancer.target_group }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 10
  datapoints_to_alarm = 10
  treat_missing_data  = "missing"
  alarm_actions       = local.actions
  ok_actions          = local.actions
  tags                = var.tags
}
