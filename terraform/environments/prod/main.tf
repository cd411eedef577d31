# Survives a zone at every level: agents and compactors in three zones, three copies of the metadata in three zones.

module "cluster" {
  source = "../../modules/cluster"

  name                        = var.name
  network                     = { cidr = var.cidr, zones = var.zones }
  bucket                      = { name = var.bucket }
  client_cidrs                = concat([var.cidr], var.client_cidrs)
  scrape_cidrs                = var.scrape_cidrs
  dns                         = var.dns
  ami_id                      = var.ami_id
  artifact_bucket             = var.artifact_bucket
  binary                      = var.binary
  foundationdb_client_package = var.foundationdb_client_package
  foundationdb_server_package = var.foundationdb_server_package
  alarm_topic_arn             = var.alarm_topic_arn

  foundationdb = {
    instance_type         = "m7g.xlarge"
    machines_per_zone     = 3
    coordinators_per_zone = 3
    redundancy_mode       = "three_data_hall"
    process_classes       = ["storage", "transaction", "stateless"]
    process_memory_gib    = 4
    volume                = { gib = 200, iops = 6000, mib_per_second = 250 }
    backup_days           = 14
  }

  gateway = {
    instance_type = "m7g.xlarge"
    min           = 3
    max           = 12
    scaling       = { cpu_percent = 60, network_bytes_per_minute = 6000000000 }
    options       = { cache-bytes = "4GiB", answer-bytes = "1GiB" }
  }

  compactor = {
    instance_type = "c7g.xlarge"
    min           = 2
    max           = 6
  }

  options = {
    topic-delete-grace = "1day"
  }
}
