terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # `init -backend-config=backend.hcl`: bucket, key, region. The state is locked by an object beside it.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { cluster = var.name, managed-by = "terraform" }
  }
}
