# Compactors: they serve no client. One is enough for a small cluster; a second one takes over if it fails.

module "group" {
  source = "../process_group"

  name         = "${var.name}-compactor"
  role         = "compactor"
  cluster_name = var.name
  subnet_ids   = var.subnet_ids
  security_group_ids = [
    aws_security_group.this.id,
    var.foundationdb_client_security_group_id,
  ]
  ami_id        = var.ami_id
  instance_type = var.instance_type
  size          = var.size
  drain_seconds = var.drain_seconds
  kms_key_arn   = var.kms_key_arn
  tags          = var.tags

  # A compactor writes history, and deletes what is retired or unknown, of both kinds.
  folders = {
    put    = ["history", "probe"]
    get    = ["segments", "history", "probe"]
    delete = ["segments", "history", "probe"]
  }

  boot = {
    store            = var.store
    cluster_file     = var.cluster_file
    metastore_prefix = var.metastore_prefix
    binary           = var.binary
    client_package   = var.client_package
    options          = var.options
    zone_label       = "availability-zone"
    kafka_port       = 9092
    http_port        = var.http_port
    log_group        = var.log_group
  }
}

resource "aws_autoscaling_policy" "add" {
  name                   = "cpu"
  autoscaling_group_name = module.group.group_name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value     = var.scaling_cpu_percent
    disable_scale_in = true

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
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
  alarm_name          = "${var.name}-compactor-idle"
  alarm_description   = "CPU has been below half of its target for an hour: one compactor is removed."
  comparison_operator = "LessThanThreshold"
  threshold           = var.scaling_cpu_percent / 2
  evaluation_periods  = 12
  datapoints_to_alarm = 12
  treat_missing_data  = "notBreaching"
  namespace           = "AWS/EC2"
  metric_name         = "CPUUtilization"
  dimensions          = { AutoScalingGroupName = module.group.group_name }
  period              = 300
  statistic           = "Average"
  alarm_actions       = [aws_autoscaling_policy.remove.arn]
  tags                = var.tags
}
