resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5: the launch template of module.group has it; checkov does not look into the module
  name_prefix = "${var.name}-gateway-"
  description = "Agents of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-gateway" })

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  ports = { kafka = var.kafka_port, http = var.http_port }
  client_rules = {
    for pair in setproduct(keys(local.ports), var.client_cidrs) :
    "${pair[0]} ${pair[1]}" => { port = local.ports[pair[0]], cidr = pair[1] }
  }
  balancer_rules = var.endpoint == null ? {} : local.ports
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = local.client_rules

  security_group_id = aws_security_group.this.id
  description       = "Clients: ${each.key}"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  for_each = local.balancer_rules

  security_group_id            = aws_security_group.this.id
  description                  = "Load balancer: ${each.key}"
  referenced_security_group_id = var.endpoint.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

# The other end of the same connections: the load balancer's own group lets it reach the agents, and nothing else.
resource "aws_vpc_security_group_egress_rule" "balancer" {
  for_each = local.balancer_rules

  security_group_id            = var.endpoint.security_group_id
  description                  = "Agents: ${each.key}"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

# Agents read blocks of each other and see that others live, by HTTP; the doctor tries both ports.
resource "aws_vpc_security_group_ingress_rule" "agents" {
  for_each = local.ports

  security_group_id            = aws_security_group.this.id
  description                  = "Other agents: ${each.key}"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
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

resource "aws_vpc_security_group_egress_rule" "agents" {
  for_each = local.ports

  security_group_id            = aws_security_group.this.id
  description                  = "Other agents: ${each.key}"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

# Agents and compactors are all clients of FoundationDB; the doctor looks whether they can be reached.
resource "aws_vpc_security_group_egress_rule" "nodes" {
  security_group_id            = aws_security_group.this.id
  description                  = "HTTP of all nodes"
  referenced_security_group_id = var.foundationdb_client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.http_port
  to_port                      = var.http_port
}
