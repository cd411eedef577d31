output "group_name" {
  description = "Name of the auto-scaling group."
  value       = module.group.group_name
}

output "role_name" {
  description = "Name of the agents' role."
  value       = module.group.role_name
}

output "security_group_id" {
  description = "Security group of the agents."
  value       = aws_security_group.this.id
}
