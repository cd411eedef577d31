variable "role" {
  description = "Command of the binary that the instance runs."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["gateway", "compactor"], var.role)
    error_message = "The role is gateway or compactor."
  }
}

variable "region" {
  description = "Region of the instance and of the bucket."
  type        = string
  nullable    = false
}

variable "store" {
  description = "Where the objects are, as --store takes it: s3://bucket/prefix."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9.-]+(/[^/]+)+$", var.store))
    error_message = "The store is s3://bucket/prefix, without a slash at its end."
  }
}

variable "cluster_file" {
  description = "Content of FoundationDB's cluster file."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_]+:[a-zA-Z0-9]+@[^ ]+$", var.cluster_file))
    error_message = "A cluster file is description:id@address:port,..."
  }
}

variable "metastore_prefix" {
  description = "Prefix of all keys in FoundationDB, as --metastore-prefix takes it."
  type        = string
  default     = "alluvium"
  nullable    = false
}

variable "binary" {
  description = "The program: an s3:// or https:// address, and its SHA-256 in hexadecimal digits."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "client_package" {
  description = "FoundationDB's clients as an RPM: an s3:// or https:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "options" {
  description = "More options of the program, by the names of docs/configuration.md without dashes before them."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "drain_seconds" {
  description = "Time limit for requests in flight once the instance is told to end, as --drain-timeout takes it."
  type        = number
  default     = 300
  nullable    = false
}

variable "kafka_port" {
  description = "Port for Kafka clients; only agents have one."
  type        = number
  default     = 9092
  nullable    = false
}

variable "http_port" {
  description = "Port for health, metrics, HTTP clients and other agents."
  type        = number
  default     = 8080
  nullable    = false
}

variable "zone_label" {
  description = "What names a zone in client.rack: availability-zone (us-east-1a, differs between accounts) or availability-zone-id (use1-az1)."
  type        = string
  default     = "availability-zone"
  nullable    = false

  validation {
    condition     = contains(["availability-zone", "availability-zone-id"], var.zone_label)
    error_message = "The label is availability-zone or availability-zone-id."
  }
}

variable "group_name" {
  description = "Name of the auto-scaling group."
  type        = string
  nullable    = false
}

variable "launch_hook" {
  description = "Name of the hook that waits until the instance is ready."
  type        = string
  nullable    = false
}

variable "terminate_hook" {
  description = "Name of the hook that waits until the instance has drained."
  type        = string
  nullable    = false
}

variable "log_group" {
  description = "CloudWatch log group; if null, neither logs nor metrics are sent."
  type        = string
  default     = null
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the metrics."
  type        = string
  default     = "Alluvium"
  nullable    = false
}

variable "cluster_name" {
  description = "Name of the cluster: a dimension of the metrics, and a part of log stream names."
  type        = string
  nullable    = false
}
