# Renders what instances get at boot, for the checks: OpenTofu itself does it, and needs no provider for it.

locals {
  sha256   = "0000000000000000000000000000000000000000000000000000000000000000"
  packages = { url = "s3://artifacts/foundationdb.rpm", sha256 = local.sha256 }
  subnets  = { "eu-central-1a" = "subnet-a", "eu-central-1b" = "subnet-b", "eu-central-1c" = "subnet-c" }
}

variable "options" {
  description = "Options that environments and examples set."
  type        = map(string)
  default     = {}
  nullable    = false
}

module "alluvium" {
  source   = "../../modules/boot/alluvium"
  for_each = toset(["gateway", "compactor"])

  role           = each.key
  region         = "eu-central-1"
  store          = "s3://bucket/prefix"
  cluster_file   = "name:0123456789abcdef@10.0.0.4:4500,10.0.1.4:4500,10.0.2.4:4500"
  binary         = { url = "s3://artifacts/alluvium", sha256 = local.sha256 }
  client_package = local.packages
  options        = var.options
  group_name     = "group"
  launch_hook    = "ready"
  terminate_hook = "drained"
  log_group      = "/alluvium/name"
  cluster_name   = "name"
}

module "foundationdb" {
  source   = "../../modules/boot/foundationdb"
  for_each = toset(["double", "three_data_hall"])

  region          = "eu-central-1"
  cluster_name    = "name"
  machine         = "eu-central-1a-0"
  zone            = "eu-central-1a"
  address         = "10.0.0.4"
  data_volume     = "vol-0123456789abcdef0"
  cluster_file    = "name:0123456789abcdef@10.0.0.4:4500,10.0.1.4:4500,10.0.2.4:4500"
  process_classes = ["storage", "transaction", "stateless"]
  memory_gib      = 8
  redundancy_mode = each.key
  storage_engine  = "ssd"
  is_first        = true
  client_package  = local.packages
  server_package  = local.packages
  backup          = { bucket = "bucket", name = "name", snapshot_seconds = 86400, days = 7 }
}

# The expressions of modules/foundationdb that lay out machines and coordinators.
locals {
  layouts = {
    for size in [{ machines = 1, coordinators = 1 }, { machines = 3, coordinators = 3 }, { machines = 4, coordinators = 1 }] :
    "${size.machines}-${size.coordinators}" => {
      machines = {
        for pair in setproduct(keys(local.subnets), range(size.machines)) :
        "${pair[0]}-${pair[1]}" => { zone = pair[0], number = pair[1] }
      }
      coordinators = size.coordinators
    }
  }
}

output "user_data" {
  description = "Cloud-init's configuration by role."
  value = merge(
    { for role, boot in module.alluvium : role => boot.user_data },
    { for mode, boot in module.foundationdb : "foundationdb-${mode}" => boot.user_data },
  )
}

output "user_data_bytes" {
  description = "Length of what an instance is given, in base64."
  value = merge(
    { for role, boot in module.alluvium : role => length(base64gzip(boot.user_data)) },
    { for mode, boot in module.foundationdb : "foundationdb-${mode}" => length(base64gzip(boot.user_data)) },
  )
}

output "metrics" {
  description = "Metrics that are sent to CloudWatch."
  value       = module.alluvium["gateway"].metrics
}

output "coordinators" {
  description = "Names of the coordinators by size."
  value = {
    for size, layout in local.layouts : size => [
      for name in sort(keys(layout.machines)) : name if layout.machines[name].number < layout.coordinators
    ]
  }
}
