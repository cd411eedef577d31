# An auto-scaling group of instances that run one role of the binary. Used by the modules gateway and compactor.
#
# EC2 rather than ECS: an agent's address must be its own for as long as it lives, and a drain may take --drain-timeout
# (five minutes by default), but Fargate ends a task 120 seconds after SIGTERM at the latest.

data "aws_region" "current" {}

locals {
  launch_hook    = "ready"
  terminate_hook = "drained"
}

module "boot" {
  source = "../boot/alluvium"

  role             = var.role
  region           = data.aws_region.current.region
  store            = var.boot.store
  cluster_file     = var.boot.cluster_file
  metastore_prefix = var.boot.metastore_prefix
  binary           = var.boot.binary
  client_package   = var.boot.client_package
  options          = var.boot.options
  drain_seconds    = var.drain_seconds
  kafka_port       = var.boot.kafka_port
  http_port        = var.boot.http_port
  zone_label       = var.boot.zone_label
  group_name       = var.name
  launch_hook      = local.launch_hook
  terminate_hook   = local.terminate_hook
  log_group        = var.boot.log_group
  cluster_name     = var.cluster_name
}

resource "aws_launch_template" "this" {
  name_prefix            = "${var.name}-"
  description            = "Alluvium ${var.role}"
  image_id               = var.ami_id
  instance_type          = var.instance_type
  ebs_optimized          = true
  update_default_version = true
  user_data              = base64gzip(module.boot.user_data)
  tags                   = var.tags

  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Figures once a minute, which the scaling policies need.
  monitoring {
    enabled = true
  }

  network_interfaces {
    associate_public_ip_address = false
    delete_on_termination       = true
    security_groups             = var.security_group_ids
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 20
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = var.name })
  }

  tag_specifications {
    resource_type = "volume"
    tags          = merge(var.tags, { Name = var.name })
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_autoscaling_group" "this" {
  name                = var.name
  min_size            = var.size.min
  max_size            = var.size.max
  vpc_zone_identifier = var.subnet_ids
  target_group_arns   = var.target_group_arns
  # The machine's health. Not that of /readyz: if FoundationDB or the bucket fails, it fails everywhere, and the group would
  # replace every instance. A new instance must answer it once (the hook below), the load balancer asks it all the time, and
  # the instance restarts a process that fails /healthz.
  health_check_type         = "EC2"
  health_check_grace_period = 60
  default_instance_warmup   = 120
  # The group counts an instance only after its hook, so apply ends when the instances serve.
  wait_for_capacity_timeout = "${var.ready_seconds + 300}s"
  termination_policies      = ["OldestLaunchTemplate", "OldestInstance"]
  enabled_metrics           = ["GroupInServiceInstances", "GroupDesiredCapacity"]

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  # At creation, so that it holds for the first instances as well.
  initial_lifecycle_hook {
    name                 = local.launch_hook
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = var.ready_seconds
    default_result       = "ABANDON"
  }

  # A changed launch template replaces the instances: a new one serves before an old one drains.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 110
      instance_warmup        = 60
      auto_rollback          = true
    }
  }

  availability_zone_distribution {
    capacity_distribution_strategy = "balanced-best-effort"
  }

  dynamic "tag" {
    for_each = merge(var.tags, { Name = var.name })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # The scaling policies change it.
    ignore_changes = [desired_capacity]
  }

  # The instances need what their role may do from their first second on.
  depends_on = [aws_iam_role_policy.store, aws_iam_role_policy.instance]
}

resource "aws_autoscaling_lifecycle_hook" "drained" {
  name                   = local.terminate_hook
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  # The instance reports earlier as a rule; it notices within seconds that it is to end.
  heartbeat_timeout = module.boot.stop_seconds + 60
  default_result    = "CONTINUE"
}
