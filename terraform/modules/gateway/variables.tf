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
  description = "Instance type; the network's bandwidth is usually what limits an agent."
  type        = string
  default     = "m7g.large"
  nullable    = false
}

variable "size" {
  description = "Fewest and most agents, in all zones together; as many in each zone is best."
  type        = object({ min = number, max = number })
  default     = { min = 3, max = 9 }
  nullable    = false
}

variable "drain_seconds" {
  description = "Time limit for requests in flight once an agent is told to end, as --drain-timeout takes it."
  type        = number
  default     = 300
  nullable    = false
}

variable "zone_label" {
  description = "What clients give as client.rack: availability-zone (us-east-1a) or availability-zone-id (use1-az1, the same in all accounts)."
  type        = string
  default     = "availability-zone"
  nullable    = false
}

variable "kafka_port" {
  description = "Port of the Kafka listener."
  type        = number
  default     = 9092
  nullable    = false
}

variable "client_cidrs" {
  description = "Networks of the clients, which must reach each agent itself. Alluvium has neither TLS nor authentication yet, so only private networks."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.client_cidrs : can(cidrnetmask(cidr)) && can(regex("^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\\.", cidr))])
    error_message = "Networks are private ones, such as 10.0.0.0/16: nobody else may reach a listener without authentication."
  }
}

variable "endpoint" {
  description = "From the endpoint module: the target groups that the agents join, and the security group of the load balancer. Null without one."
  type        = object({ target_group_arns = list(string), security_group_id = string })
  default     = null
}

variable "scaling" {
  description = "Average CPU in percent, and bytes sent or received by an agent in a minute, at which agents are added; one is removed after an hour below half of all of them."
  type        = object({ cpu_percent = number, network_bytes_per_minute = number })
  default     = { cpu_percent = 60, network_bytes_per_minute = 3000000000 }
  nullable    = false
}
