output "bootstrap" {
  description = "Address for bootstrap.servers."
  value       = module.cluster.bootstrap
}

output "http" {
  description = "Address for HTTP clients."
  value       = module.cluster.http
}

output "machines" {
  description = "FoundationDB's machines, for roll-foundationdb."
  value       = module.cluster.machines
}

output "backup_url" {
  description = "Address of FoundationDB's continuous backup."
  value       = module.cluster.backup_url
}

output "next_commands" {
  description = "What to do next."
  value       = module.cluster.next_commands
}
