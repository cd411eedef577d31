locals {
  last_port = 4500 + length(var.process_classes) - 1
}

resource "aws_security_group" "machine" {
  name_prefix = "${var.name}-foundationdb-"
  description = "FoundationDB of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-foundationdb" })

  lifecycle {
    create_before_destroy = true
  }
}

# Its members reach FoundationDB: agents, compactors, and nobody else.
resource "aws_security_group" "client" {
  # checkov:skip=CKV2_AWS_5: the launch templates of agents and compactors have it; checkov does not look into their modules
  name_prefix = "${var.name}-foundationdb-client-"
  description = "Clients of FoundationDB of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-foundationdb-client" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "members" {
  for_each = {
    machines = aws_security_group.machine.id
    clients  = aws_security_group.client.id
  }

  security_group_id            = aws_security_group.machine.id
  description                  = "FoundationDB: ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 4500
  to_port                      = local.last_port
}

resource "aws_vpc_security_group_egress_rule" "members" {
  for_each = {
    machines = aws_security_group.machine.id
    clients  = aws_security_group.client.id
  }

  security_group_id            = each.value
  description                  = "FoundationDB, from ${each.key}"
  referenced_security_group_id = aws_security_group.machine.id
  ip_protocol                  = "tcp"
  from_port                    = 4500
  to_port                      = local.last_port
}

# The backup, the packages, and the services of AWS. There is no route to anywhere else.
resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.machine.id
  description       = "S3 and other services of AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
