# A cluster in a network that you have. It needs three private subnets in three zones, a gateway endpoint for S3 in their
# route tables, and a way to the services autoscaling, logs, monitoring, ssm and ssmmessages.

module "cluster" {
  source = "../../modules/cluster"

  name = "orders"
  existing_network = {
    vpc_id = "vpc-00000000000000000"
    subnets = {
      "eu-central-1a" = "subnet-00000000000000000"
      "eu-central-1b" = "subnet-11111111111111111"
      "eu-central-1c" = "subnet-22222222222222222"
    }
  }
  bucket       = { name = "example-orders", encryption = "aws:kms" }
  client_cidrs = ["10.20.0.0/16"]
  ami_id       = "ami-00000000000000000"
  zone_label   = "availability-zone-id"

  binary = {
    url    = "https://artifacts.example.com/alluvium-0.1.0-arm64"
    sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
  }
  foundationdb_client_package = {
    url    = "https://artifacts.example.com/foundationdb-clients-7.3.aarch64.rpm"
    sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
  }
  foundationdb_server_package = {
    url    = "https://artifacts.example.com/foundationdb-server-7.3.aarch64.rpm"
    sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
  }
}

output "bootstrap" {
  description = "Address for bootstrap.servers."
  value       = module.cluster.bootstrap
}
