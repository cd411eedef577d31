resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5: the launch template of module.group has it; checkov does not look into the module
  name_prefix = "${var.name}-compactor-"
  description = "Compactors of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-compactor" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "scrape" {
  for_each = toset(var.scrape_cidrs)

  security_group_id = aws_security_group.this.id
  description       = "Prometheus"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.http_port
  to_port           = var.http_port
}

# S3 and the interface endpoints by HTTPS; FoundationDB by the other group. There is no route to anywhere else.
resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "S3 and other services of AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# Agents are clients of FoundationDB too; the doctor on an agent looks whether compactors can be reached.
resource "aws_vpc_security_group_ingress_rule" "nodes" {
  security_group_id            = aws_security_group.this.id
  description                  = "HTTP from all nodes"
  referenced_security_group_id = var.foundationdb_client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.http_port
  to_port                      = var.http_port
}
