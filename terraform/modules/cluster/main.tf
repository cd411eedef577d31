# A whole cluster from the other modules. Who needs another combination takes the modules themselves: see the examples.

data "aws_region" "current" {}

module "network" {
  source = "../network"
  count  = var.existing_network == null ? 1 : 0

  name                = var.name
  cidr                = var.network.cidr
  zones               = var.network.zones
  buckets             = compact([var.bucket.name, var.artifact_bucket])
  interface_endpoints = var.network.interface_endpoints
  tags                = var.tags
}

locals {
  vpc_id  = var.existing_network == null ? module.network[0].vpc_id : var.existing_network.vpc_id
  subnets = var.existing_network == null ? module.network[0].subnet_ids : var.existing_network.subnets
}

module "bucket" {
  source = "../bucket"

  name       = var.bucket.name
  prefix     = var.bucket.prefix
  encryption = var.bucket.encryption
  tags       = var.tags
}

module "foundationdb" {
  source = "../foundationdb"

  name                  = var.name
  vpc_id                = local.vpc_id
  subnets               = local.subnets
  ami_id                = var.ami_id
  instance_type         = var.foundationdb.instance_type
  machines_per_zone     = var.foundationdb.machines_per_zone
  coordinators_per_zone = var.foundationdb.coordinators_per_zone
  redundancy_mode       = var.foundationdb.redundancy_mode
  process_classes       = var.foundationdb.process_classes
  process_memory_gib    = var.foundationdb.process_memory_gib
  volume                = var.foundationdb.volume
  client_package        = var.foundationdb_client_package
  server_package        = var.foundationdb_server_package
  kms_key_arn           = module.bucket.kms_key_arn
  tags                  = var.tags

  backup = {
    bucket = module.bucket.name
    days   = var.foundationdb.backup_days
  }
}

module "endpoint" {
  source = "../endpoint"

  name                = var.name
  vpc_id              = local.vpc_id
  subnet_ids          = values(local.subnets)
  client_cidrs        = var.client_cidrs
  dns                 = var.dns
  deletion_protection = var.deletion_protection
  tags                = var.tags
}

module "gateway" {
  source = "../gateway"

  name                                  = var.name
  vpc_id                                = local.vpc_id
  subnet_ids                            = values(local.subnets)
  ami_id                                = var.ami_id
  store                                 = module.bucket.store
  kms_key_arn                           = module.bucket.kms_key_arn
  cluster_file                          = module.foundationdb.cluster_file
  foundationdb_client_security_group_id = module.foundationdb.client_security_group_id
  binary                                = var.binary
  client_package                        = var.foundationdb_client_package
  options                               = merge(var.options, var.gateway.options)
  instance_type                         = var.gateway.instance_type
  size                                  = { min = var.gateway.min, max = var.gateway.max }
  drain_seconds                         = var.gateway.drain_seconds
  scaling                               = var.gateway.scaling
  zone_label                            = var.zone_label
  client_cidrs                          = var.client_cidrs
  scrape_cidrs                          = var.scrape_cidrs
  endpoint                              = module.endpoint.agents
  log_group                             = module.observability.log_group
  tags                                  = var.tags
}

module "compactor" {
  source = "../compactor"

  name                                  = var.name
  vpc_id                                = local.vpc_id
  subnet_ids                            = values(local.subnets)
  ami_id                                = var.ami_id
  store                                 = module.bucket.store
  kms_key_arn                           = module.bucket.kms_key_arn
  cluster_file                          = module.foundationdb.cluster_file
  foundationdb_client_security_group_id = module.foundationdb.client_security_group_id
  binary                                = var.binary
  client_package                        = var.foundationdb_client_package
  options                               = var.options
  instance_type                         = var.compactor.instance_type
  size                                  = { min = var.compactor.min, max = var.compactor.max }
  scrape_cidrs                          = var.scrape_cidrs
  log_group                             = module.observability.log_group
  tags                                  = var.tags
}

module "observability" {
  source = "../observability"

  name            = var.name
  log_days        = var.log_days
  alarm_topic_arn = var.alarm_topic_arn
  machines        = module.foundationdb.machines
  load_balancer   = module.endpoint.load_balancer
  tags            = var.tags

  groups = {
    gateway   = { group_name = module.gateway.group_name, min = var.gateway.min }
    compactor = { group_name = module.compactor.group_name, min = var.compactor.min }
  }
}
