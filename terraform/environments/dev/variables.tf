variable "name" {
  description = "Name of the cluster; a part of the names of all resources."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the cluster."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "Three availability zones of the region."
  type        = list(string)
  nullable    = false
}

variable "cidr" {
  description = "Addresses of the cluster's network."
  type        = string
  default     = "10.90.0.0/16"
  nullable    = false
}

variable "bucket" {
  description = "Name of the bucket to create."
  type        = string
  nullable    = false
}

variable "client_cidrs" {
  description = "Private networks of the clients, besides the cluster's own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "ami_id" {
  description = "Image of Amazon Linux 2023 for arm64."
  type        = string
  nullable    = false
}

variable "artifact_bucket" {
  description = "Bucket of the program and of the packages."
  type        = string
  default     = null
}

variable "binary" {
  description = "The program for arm64: an s3:// address (there is no way to the internet), and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "foundationdb_client_package" {
  description = "FoundationDB's clients as an RPM for arm64: an s3:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "foundationdb_server_package" {
  description = "FoundationDB's servers as an RPM for arm64: an s3:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}
