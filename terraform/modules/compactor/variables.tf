variable "name" {
  description = "Name of the cluster; the group is called after it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,28}$", var.name))
    error_message = "A name has 2 to 29 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "vpc_id" {
  description = "Network of the instances."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "One private subnet in each zone."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "At least one subnet."
  }
}

variable "ami_id" {
  description = "Image of Amazon Linux 2023 for the architecture of the instance type."
  type        = string
  nullable    = false
}

variable "store" {
  description = "Where the objects are: s3://bucket/prefix, from the bucket module."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key of the bucket, if it is encrypted with one of KMS."
  type        = string
  default     = null
}

variable "cluster_file" {
  description = "Content of FoundationDB's cluster file, from the foundationdb module."
  type        = string
  nullable    = false
}

variable "metastore_prefix" {
  description = "Prefix of all keys in FoundationDB, as --metastore-prefix takes it."
  type        = string
  default     = "alluvium"
  nullable    = false
}

variable "foundationdb_client_security_group_id" {
  description = "Security group whose members reach FoundationDB, from the foundationdb module."
  type        = string
  nullable    = false
}

variable "binary" {
  description = "The program: an s3:// or https:// address, and its SHA-256 in hexadecimal digits. Another value replaces the instances one by one."
  type        = object({ url = string, sha256 = string })
  nullable    = false

  validation {
    condition     = can(regex("^(s3|https)://", var.binary.url)) && can(regex("^[0-9a-f]{64}$", var.binary.sha256))
    error_message = "The address begins with s3:// or https://, and the checksum has 64 hexadecimal digits."
  }
}

variable "client_package" {
  description = "FoundationDB's clients as an RPM: an s3:// or https:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false

  validation {
    condition     = can(regex("^(s3|https)://", var.client_package.url)) && can(regex("^[0-9a-f]{64}$", var.client_package.sha256))
    error_message = "The address begins with s3:// or https://, and the checksum has 64 hexadecimal digits."
  }
}

variable "options" {
  description = "More options of the program, by the names of docs/configuration.md without dashes before them."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "http_port" {
  description = "Port of the HTTP listener."
  type        = number
  default     = 8080
  nullable    = false
}

variable "scrape_cidrs" {
  description = "Networks from which Prometheus may scrape /metrics."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "log_group" {
  description = "CloudWatch log group, from the observability module; if null, neither logs nor metrics are sent."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "instance_type" {
  description = "Instance type; compaction takes processors, and an eighth of the memory."
  type        = string
  default     = "c7g.large"
  nullable    = false
}

variable "size" {
  description = "Fewest and most compactors."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 6 }
  nullable    = false
}

variable "drain_seconds" {
  description = "Time limit for the current step once a compactor is told to end; a compactor needs seconds."
  type        = number
  default     = 60
  nullable    = false
}

variable "scaling_cpu_percent" {
  description = "Average CPU in percent at which compactors are added; one is removed after an hour below half of it."
  type        = number
  default     = 60
  nullable    = false
}
