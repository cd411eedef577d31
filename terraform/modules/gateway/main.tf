# Agents: stateless, so any of them can be added, replaced or lost. Clients connect to each agent's own address, which is that
# of its network interface for as long as it lives.

module "group" {
  source = "../process_group"

  name         = "${var.name}-gateway"
  role         = "gateway"
  cluster_name = var.name
  subnet_ids   = var.subnet_ids
  security_group_ids = [
    aws_security_group.this.id,
    var.foundationdb_client_security_group_id,
  ]
  ami_id            = var.ami_id
  instance_type     = var.instance_type
  size              = var.size
  drain_seconds     = var.drain_seconds
  target_group_arns = var.endpoint == null ? [] : var.endpoint.target_group_arns
  kms_key_arn       = var.kms_key_arn
  tags              = var.tags

  # An agent writes segments and reads everything; what it deletes are its own probes.
  folders = {
    put    = ["segments", "probe"]
    get    = ["segments", "history", "probe"]
    delete = ["probe"]
  }

  boot = {
    store            = var.store
    cluster_file     = var.cluster_file
    metastore_prefix = var.metastore_prefix
    binary           = var.binary
    client_package   = var.client_package
    options          = var.options
    zone_label       = var.zone_label
    kafka_port       = var.kafka_port
    http_port        = var.http_port
    log_group        = var.log_group
  }
}
