output "user_data" {
  description = "Cloud-init's configuration, as text."
  value       = "#cloud-config\n${yamlencode(local.cloud_config)}"
}

output "stop_seconds" {
  description = "Time that the service may take to stop."
  value       = var.drain_seconds + local.stop_margin_seconds
}

output "metrics" {
  description = "Metrics of the program that are sent to CloudWatch."
  value       = local.metrics
}
