# The metastore: machines over three zones. A machine is an address (a network interface), a volume, and an instance that has
# both. Only the instance is ever replaced, so the addresses of the coordinators, and with them every cluster file, stay true.

data "aws_region" "current" {}

locals {
  machines = {
    for pair in setproduct(keys(var.subnets), range(var.machines_per_zone)) :
    "${pair[0]}-${pair[1]}" => { zone = pair[0], number = pair[1] }
  }
  names        = sort(keys(local.machines))
  coordinators = [for name in local.names : name if local.machines[name].number < var.coordinators_per_zone]
  first        = local.coordinators[0]
  # An id that no other cluster has, and that stays, because the interfaces do.
  cluster_id   = substr(sha256(join(",", [for name in local.coordinators : aws_network_interface.machine[name].id])), 0, 16)
  description  = replace(var.name, "-", "_")
  addresses    = join(",", [for name in local.coordinators : "${aws_network_interface.machine[name].private_ip}:4500"])
  cluster_file = "${local.description}:${local.cluster_id}@${local.addresses}"
}

resource "aws_network_interface" "machine" {
  for_each = local.machines

  description       = "FoundationDB of ${var.name}: ${each.key}"
  subnet_id         = var.subnets[each.value.zone]
  security_groups   = [aws_security_group.machine.id]
  source_dest_check = true
  tags              = merge(var.tags, { Name = "${var.name}-foundationdb-${each.key}" })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_ebs_volume" "machine" {
  # checkov:skip=CKV_AWS_189: the account's default key of EBS encrypts it; a customer's key is the account's setting
  for_each = local.machines

  availability_zone = each.value.zone
  type              = "gp3"
  size              = var.volume.gib
  iops              = var.volume.iops
  throughput        = var.volume.mib_per_second
  encrypted         = true
  tags              = merge(var.tags, { Name = "${var.name}-foundationdb-${each.key}" })

  lifecycle {
    prevent_destroy = true
  }
}

module "boot" {
  source   = "../boot/foundationdb"
  for_each = local.machines

  region          = data.aws_region.current.region
  cluster_name    = var.name
  machine         = each.key
  zone            = each.value.zone
  address         = aws_network_interface.machine[each.key].private_ip
  data_volume     = aws_ebs_volume.machine[each.key].id
  cluster_file    = local.cluster_file
  process_classes = var.process_classes
  memory_gib      = var.process_memory_gib
  redundancy_mode = var.redundancy_mode
  storage_engine  = var.storage_engine
  is_first        = each.key == local.first
  client_package  = var.client_package
  server_package  = var.server_package
  backup = {
    bucket           = var.backup.bucket
    name             = var.name
    snapshot_seconds = var.backup.snapshot_seconds
    days             = var.backup.days
  }
}

resource "aws_instance" "machine" {
  for_each = local.machines

  ami                  = var.ami_id
  instance_type        = var.instance_type
  iam_instance_profile = aws_iam_instance_profile.this.name
  user_data_base64     = base64gzip(module.boot[each.key].user_data)
  ebs_optimized        = true
  monitoring           = true
  tags                 = merge(var.tags, { Name = "${var.name}-foundationdb-${each.key}" })

  primary_network_interface {
    network_interface_id = aws_network_interface.machine[each.key].id
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = 20
    encrypted             = true
    delete_on_termination = true
  }

  lifecycle {
    # An apply would replace all machines at once. They are replaced one by one, with -replace, and take the new values then.
    ignore_changes = [ami, instance_type, user_data_base64]

    precondition {
      condition     = var.redundancy_mode != "three_data_hall" || var.machines_per_zone >= 2
      error_message = "three_data_hall needs at least two machines in each zone."
    }

    precondition {
      condition     = var.machines_per_zone >= var.coordinators_per_zone
      error_message = "There are more coordinators than machines in a zone."
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_volume_attachment" "machine" {
  for_each = local.machines

  device_name                    = "/dev/sdf"
  instance_id                    = aws_instance.machine[each.key].id
  volume_id                      = aws_ebs_volume.machine[each.key].id
  stop_instance_before_detaching = true
}
