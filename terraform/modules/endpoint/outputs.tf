output "bootstrap" {
  description = "Address for bootstrap.servers."
  value       = "${local.host}:${var.kafka_port}"
}

output "http" {
  description = "Address for HTTP clients."
  value       = "http://${local.host}:${var.http_port}"
}

output "agents" {
  description = "What the gateway module takes as its endpoint."
  value = {
    target_group_arns = [for group in aws_lb_target_group.this : group.arn]
    security_group_id = aws_security_group.this.id
  }
}

output "load_balancer" {
  description = "Load balancer and Kafka target group, as CloudWatch names them."
  value = {
    load_balancer = aws_lb.this.arn_suffix
    target_group  = aws_lb_target_group.this["kafka"].arn_suffix
  }
}
