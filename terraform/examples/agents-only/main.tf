# Agents and compactors over a bucket and a FoundationDB that you run yourself, without load balancer, logs or alarms.
# Clients bootstrap from the agents' own addresses, which the instances have for as long as they live.

locals {
  name           = "clicks"
  vpc_id         = "vpc-00000000000000000"
  subnet_ids     = ["subnet-00000000000000000", "subnet-11111111111111111", "subnet-22222222222222222"]
  ami_id         = "ami-00000000000000000"
  store          = "s3://example-clicks/alluvium"
  cluster_file   = "clicks:0123456789abcdef@10.30.0.4:4500,10.30.1.4:4500,10.30.2.4:4500"
  binary         = { url = "s3://example-artifacts/alluvium-0.1.0-arm64", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  client_package = { url = "s3://example-artifacts/foundationdb-clients-7.3.aarch64.rpm", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  # A group whose members may connect to your FoundationDB.
  foundationdb_client_security_group_id = "sg-00000000000000000"
}

module "gateway" {
  source = "../../modules/gateway"

  name                                  = local.name
  vpc_id                                = local.vpc_id
  subnet_ids                            = local.subnet_ids
  ami_id                                = local.ami_id
  store                                 = local.store
  cluster_file                          = local.cluster_file
  metastore_prefix                      = "clicks"
  foundationdb_client_security_group_id = local.foundationdb_client_security_group_id
  binary                                = local.binary
  client_package                        = local.client_package
  client_cidrs                          = ["10.30.0.0/16"]
  options                               = { linger = "500ms" }
}

module "compactor" {
  source = "../../modules/compactor"

  name                                  = local.name
  vpc_id                                = local.vpc_id
  subnet_ids                            = local.subnet_ids
  ami_id                                = local.ami_id
  store                                 = local.store
  cluster_file                          = local.cluster_file
  metastore_prefix                      = "clicks"
  foundationdb_client_security_group_id = local.foundationdb_client_security_group_id
  binary                                = local.binary
  client_package                        = local.client_package
  options                               = { linger = "500ms" }
}
