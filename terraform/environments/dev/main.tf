# The smallest cluster that behaves like a large one: three zones, two copies of the metadata, one agent in each zone.

module "cluster" {
  source = "../../modules/cluster"

  name                        = var.name
  network                     = { cidr = var.cidr, zones = var.zones }
  bucket                      = { name = var.bucket }
  client_cidrs                = concat([var.cidr], var.client_cidrs)
  ami_id                      = var.ami_id
  artifact_bucket             = var.artifact_bucket
  binary                      = var.binary
  foundationdb_client_package = var.foundationdb_client_package
  foundationdb_server_package = var.foundationdb_server_package
  deletion_protection         = false
  log_days                    = 7

  # One process, which does everything: the machine has 4 GiB of memory.
  foundationdb = {
    instance_type      = "t4g.medium"
    process_classes    = ["storage"]
    process_memory_gib = 3
    volume             = { gib = 20, iops = 3000, mib_per_second = 125 }
    backup_days        = 1
  }

  gateway = {
    instance_type = "t4g.medium"
    min           = 3
    max           = 3
    drain_seconds = 60
  }

  compactor = {
    instance_type = "t4g.medium"
    min           = 1
    max           = 2
  }
}
