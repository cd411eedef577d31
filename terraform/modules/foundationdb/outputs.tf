output "cluster_file" {
  description = "Content of the cluster file, for agents and compactors."
  value       = local.cluster_file

  # Whoever uses it can be sure that the machines have their volumes.
  depends_on = [aws_volume_attachment.machine]
}

output "client_security_group_id" {
  description = "Security group whose members reach FoundationDB."
  value       = aws_security_group.client.id
}

output "machines" {
  description = "Instance ids by machine, in the order in which they are replaced."
  value       = { for name in local.names : name => aws_instance.machine[name].id }
}

output "backup_url" {
  description = "Address of a backup for fdbrestore, with ID in place of its id."
  value       = module.boot[local.first].backup_url
}
