# One name to begin with: a network load balancer over the agents that answer 200 to /readyz. Kafka clients use it only for
# their first request, and then connect to the agents' own addresses; HTTP clients may use it for everything.

resource "aws_lb" "this" {
  # checkov:skip=CKV_AWS_91: access logs of a network load balancer exist for TLS listeners only
  # checkov:skip=CKV_AWS_152: within a zone a byte is free, and clients shall stay in theirs; see the README
  # checkov:skip=CKV_AWS_150: the variable deletion_protection decides, and is true unless an environment is for trying out
  name                             = var.name
  internal                         = true
  load_balancer_type               = "network"
  subnets                          = var.subnet_ids
  security_groups                  = [aws_security_group.this.id]
  enable_cross_zone_load_balancing = false
  dns_record_client_routing_policy = "availability_zone_affinity"
  enable_deletion_protection       = var.deletion_protection
  tags                             = var.tags
}

locals {
  ports = { kafka = var.kafka_port, http = var.http_port }
  host  = var.dns == null ? aws_lb.this.dns_name : var.dns.name
}

resource "aws_lb_target_group" "this" {
  for_each = local.ports

  name                   = "${var.name}-${each.key}"
  port                   = each.value
  protocol               = "TCP"
  vpc_id                 = var.vpc_id
  deregistration_delay   = 30
  connection_termination = false
  tags                   = var.tags

  health_check {
    protocol            = "HTTP"
    port                = tostring(var.http_port)
    path                = "/readyz"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "this" {
  # checkov:skip=CKV_AWS_2: Kafka's protocol is no HTTP
  # checkov:skip=CKV_AWS_103: Alluvium has no TLS yet; the network is private, and the README says so
  for_each = local.ports

  load_balancer_arn = aws_lb.this.arn
  port              = each.value
  protocol          = "TCP"
  tags              = var.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
}

# Its way out to the agents is a rule of the gateway module, which knows their group.
resource "aws_security_group" "this" {
  name_prefix = "${var.name}-endpoint-"
  description = "Load balancer of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-endpoint" })

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  client_rules = {
    for pair in setproduct(keys(local.ports), var.client_cidrs) :
    "${pair[0]} ${pair[1]}" => { port = local.ports[pair[0]], cidr = pair[1] }
  }
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

resource "aws_route53_record" "this" {
  count = var.dns == null ? 0 : 1

  zone_id = var.dns.zone_id
  name    = var.dns.name
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}
