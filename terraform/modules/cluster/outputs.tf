output "bootstrap" {
  description = "Address for bootstrap.servers."
  value       = module.endpoint.bootstrap
}

output "http" {
  description = "Address for HTTP clients."
  value       = module.endpoint.http
}

output "store" {
  description = "Where the objects are."
  value       = module.bucket.store
}

output "gateway_group" {
  description = "Auto-scaling group of the agents."
  value       = module.gateway.group_name
}

output "compactor_group" {
  description = "Auto-scaling group of the compactors."
  value       = module.compactor.group_name
}

output "machines" {
  description = "FoundationDB's machines: instance ids by name, for roll-foundationdb."
  value       = module.foundationdb.machines
}

output "processes_per_machine" {
  description = "Processes of each machine of FoundationDB, for roll-foundationdb."
  value       = length(var.foundationdb.process_classes)
}

output "region" {
  description = "Region of the cluster."
  value       = data.aws_region.current.region
}

output "backup_url" {
  description = "Address of a backup of FoundationDB for fdbrestore, with ID in place of its id."
  value       = module.foundationdb.backup_url
}

output "next_commands" {
  description = "What to do next: a shell on an agent, a check there, a load from a machine of the clients' network."
  value = [
    "aws ssm start-session --region ${data.aws_region.current.region} --target \"$(aws autoscaling describe-auto-scaling-groups --region ${data.aws_region.current.region} --auto-scaling-group-names ${module.gateway.group_name} --query 'AutoScalingGroups[0].Instances[0].InstanceId' --output text)\"",
    "sudo /usr/local/sbin/check-alluvium",
    "alluvium bench --bootstrap ${module.endpoint.bootstrap} --partitions 8 --record-bytes 1KiB --duration 10s",
  ]
}
