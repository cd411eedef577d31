# Agents are added within minutes and removed slowly, one at a time: each change moves partitions and their caches.

resource "aws_autoscaling_policy" "cpu" {
  name                   = "cpu"
  autoscaling_group_name = module.group.group_name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value     = var.scaling.cpu_percent
    disable_scale_in = true

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}

resource "aws_autoscaling_policy" "network" {
  for_each = {
    received = "ASGAverageNetworkIn"
    sent     = "ASGAverageNetworkOut"
  }

  name                   = "network-${each.key}"
  autoscaling_group_name = module.group.group_name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value     = var.scaling.network_bytes_per_minute
    disable_scale_in = true

    predefined_metric_specification {
      predefined_metric_type = each.value
    }
  }
}

resource "aws_autoscaling_policy" "remove" {
  name                   = "remove-one"
  autoscaling_group_name = module.group.group_name
  policy_type            = "SimpleScaling"
  adjustment_type        = "ChangeInCapacity"
  scaling_adjustment     = -1
  cooldown               = 1800
}

resource "aws_cloudwatch_metric_alarm" "idle" {
  alarm_name          = "${var.name}-gateway-idle"
  alarm_description   = "CPU and network have been below half of their targets for an hour: one agent is removed."
  comparison_operator = "LessThanThreshold"
  threshold           = 0.5
  evaluation_periods  = 12
  datapoints_to_alarm = 12
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.remove.arn]
  tags                = var.tags

  metric_query {
    id          = "load"
    label       = "the highest of CPU and network, as a part of its target"
    expression  = "MAX([cpu / ${var.scaling.cpu_percent}, received / ${var.scaling.network_bytes_per_minute}, sent / ${var.scaling.network_bytes_per_minute}])"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      cpu      = "CPUUtilization"
      received = "NetworkIn"
      sent     = "NetworkOut"
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/EC2"
        metric_name = metric_query.value
        period      = 300
        stat        = "Average"
        dimensions  = { AutoScalingGroupName = module.group.group_name }
      }
    }
  }
}
