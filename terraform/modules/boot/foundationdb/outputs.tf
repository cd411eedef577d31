output "user_data" {
  description = "Cloud-init's configuration, as text."
  value       = "#cloud-config\n${yamlencode(local.cloud_config)}"
}

output "backup_url" {
  description = "Address of a backup for fdbrestore, with ID in place of its id."
  value       = local.backup_url
}
