output "group_name" {
  description = "Name of the auto-scaling group."
  value       = aws_autoscaling_group.this.name
}

output "role_name" {
  description = "Name of the instances' role."
  value       = aws_iam_role.this.name
}

output "metrics" {
  description = "Metrics of the program that are sent to CloudWatch."
  value       = module.boot.metrics
}
