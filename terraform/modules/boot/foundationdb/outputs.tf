output "user_data" {
  description = "Cloud-init's configuration, as text."
  value       = "#cloud-config\n${yamlencode(local.cloud_config)}"
}

output "backup_url" {
  description = "Address of the backup, for fdbrestore."
  value       = local.backup_url
}
