variable "name" {
  description = "Name of the cluster; a part of the names of all resources."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}$", var.name))
    error_message = "A name has 2 to 25 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "network" {
  description = "The network to create: its addresses, three zones, and the services that are reached by interface endpoints. Null with existing_network."
  type = object({
    cidr                = optional(string, "10.90.0.0/16")
    zones               = list(string)
    interface_endpoints = optional(list(string), ["autoscaling", "logs", "monitoring", "ssm", "ssmmessages"])
  })
  default = null
}

variable "existing_network" {
  description = "A network that exists: its id, and a private subnet by zone for three zones. It needs a gateway endpoint for S3, and a way to the services that the network module names."
  type        = object({ vpc_id = string, subnets = map(string) })
  default     = null

  validation {
    condition     = (var.existing_network == null) != (var.network == null)
    error_message = "Give either network or existing_network."
  }
}

variable "bucket" {
  description = "The bucket to create: its name, the prefix of the objects, and AES256 or aws:kms."
  type = object({
    name       = string
    prefix     = optional(string, "alluvium")
    encryption = optional(string, "AES256")
  })
  nullable = false
}

variable "client_cidrs" {
  description = "Private networks of the clients, which must reach each agent itself."
  type        = list(string)
  nullable    = false
}

variable "scrape_cidrs" {
  description = "Networks from which Prometheus may scrape /metrics."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "dns" {
  description = "Zone of Route 53, and a name in it for the bootstrap address. Null for AWS's own name."
  type        = object({ zone_id = string, name = string })
  default     = null
}

variable "zone_label" {
  description = "What clients give as client.rack: availability-zone (us-east-1a) or availability-zone-id (use1-az1)."
  type        = string
  default     = "availability-zone"
  nullable    = false
}

variable "ami_id" {
  description = "Image of Amazon Linux 2023 for the architecture of the instance types."
  type        = string
  nullable    = false
}

variable "artifact_bucket" {
  description = "Bucket of the program and of the packages, if they come from another one than the cluster's."
  type        = string
  default     = null
}

variable "binary" {
  description = "The program: an s3:// or https:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "foundationdb_client_package" {
  description = "FoundationDB's clients as an RPM: an s3:// or https:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "foundationdb_server_package" {
  description = "FoundationDB's servers as an RPM: an s3:// or https:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false
}

variable "foundationdb" {
  description = "Size of FoundationDB; the README has a table."
  type = object({
    instance_type         = optional(string, "m7g.large")
    machines_per_zone     = optional(number, 1)
    coordinators_per_zone = optional(number, 1)
    redundancy_mode       = optional(string, "double")
    process_classes       = optional(list(string), ["storage", "transaction"])
    process_memory_gib    = optional(number, 3)
    volume = optional(object({ gib = number, iops = number, mib_per_second = number }),
    { gib = 100, iops = 3000, mib_per_second = 125 })
    backup_days = optional(number, 7)
  })
  default  = {}
  nullable = false
}

variable "gateway" {
  description = "Type and number of the agents, their drain, options that only they have, and when agents are added."
  type = object({
    instance_type = optional(string, "m7g.large")
    min           = optional(number, 3)
    max           = optional(number, 9)
    drain_seconds = optional(number, 300)
    options       = optional(map(string), {})
    scaling = optional(object({ cpu_percent = number, network_bytes_per_minute = number }),
    { cpu_percent = 60, network_bytes_per_minute = 3000000000 })
  })
  default  = {}
  nullable = false
}

variable "compactor" {
  description = "Type and number of the compactors."
  type = object({
    instance_type = optional(string, "c7g.large")
    min           = optional(number, 2)
    max           = optional(number, 6)
  })
  default  = {}
  nullable = false
}

variable "options" {
  description = "More options of the program, for agents and compactors, by the names of docs/configuration.md."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms go to."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
