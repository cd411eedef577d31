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

output "processes_per_machine" {
  description = "Processes of each machine of FoundationDB, for roll-foundationdb."
  value       = module.cluster.processes_per_machine
}

output "region" {
  description = "Region of the cluster, for roll-foundationdb."
  value       = module.cluster.region
}

output "gateway_group" {
  description = "Auto-scaling group of the agents."
  value       = module.cluster.gateway_group
}

output "compactor_group" {
  description = "Auto-scaling group of the compactors."
  value       = module.cluster.compactor_group
}

output "backup_url" {
  description = "Address of a backup of FoundationDB for fdbrestore, with ID in place of its id."
  value       = module.cluster.backup_url
}

output "next_commands" {
  description = "What to do next."
  value       = module.cluster.next_commands
}
