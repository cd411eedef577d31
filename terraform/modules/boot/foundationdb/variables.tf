variable "region" {
  description = "Region of the machine and of the bucket."
  type        = string
  nullable    = false
}

variable "cluster_name" {
  description = "Name of the cluster: a dimension of the metrics."
  type        = string
  nullable    = false
}

variable "machine" {
  description = "Name of the machine, which stays the same when it is replaced."
  type        = string
  nullable    = false
}

variable "zone" {
  description = "Availability zone of the machine."
  type        = string
  nullable    = false
}

variable "address" {
  description = "Fixed address of the machine's network interface."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrnetmask("${var.address}/32"))
    error_message = "The address is an IPv4 address."
  }
}

variable "data_volume" {
  description = "Id of the volume that holds the machine's data."
  type        = string
  nullable    = false
}

variable "cluster_file" {
  description = "Content of the cluster file for a machine whose volume has none yet."
  type        = string
  nullable    = false
}

variable "process_classes" {
  description = "Class of each process of the machine, from port 4500 on."
  type        = list(string)
  nullable    = false
}

variable "memory_gib" {
  description = "Memory at which a process ends itself."
  type        = number
  nullable    = false
}

variable "redundancy_mode" {
  description = "Redundancy mode with which the database is created."
  type        = string
  nullable    = false
}

variable "storage_engine" {
  description = "Storage engine with which the database is created."
  type        = string
  nullable    = false
}

variable "is_first" {
  description = "Whether this machine creates the database and looks after the backup."
  type        = bool
  nullable    = false
}

variable "client_package" {
  description = "FoundationDB's clients as an RPM: an s3:// or https:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "server_package" {
  description = "FoundationDB's servers as an RPM: an s3:// or https:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "backup" {
  description = "Where the continuous backup goes, how far apart its snapshots are, and for how long it can be restored to."
  type        = object({ bucket = string, name = string, snapshot_seconds = number, days = number })
  nullable    = false
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the metrics."
  type        = string
  default     = "Alluvium"
  nullable    = false
}
