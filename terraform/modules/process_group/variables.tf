variable "name" {
  description = "Name of the group and of all that belongs to it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,40}$", var.name))
    error_message = "A name has 2 to 41 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "role" {
  description = "Command of the binary that the instances run: gateway or compactor."
  type        = string
  nullable    = false
}

variable "cluster_name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "One subnet in each zone."
  type        = list(string)
  nullable    = false
}

variable "security_group_ids" {
  description = "Security groups of the instances."
  type        = list(string)
  nullable    = false
}

variable "ami_id" {
  description = "Image of Amazon Linux 2023 for the architecture of the instance type; pinned, so that nothing changes unasked."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "An image is ami- and hexadecimal digits."
  }
}

variable "instance_type" {
  description = "Instance type."
  type        = string
  nullable    = false
}

variable "size" {
  description = "Fewest and most instances."
  type        = object({ min = number, max = number })
  nullable    = false

  validation {
    condition     = var.size.min >= 1 && var.size.max >= var.size.min
    error_message = "At least one instance, and not fewer at most than at least."
  }
}

variable "boot" {
  description = "What modules/boot/alluvium takes besides the names that this module gives: the program and its options."
  type = object({
    store            = string
    cluster_file     = string
    metastore_prefix = string
    binary           = object({ url = string, sha256 = string })
    client_package   = object({ url = string, sha256 = string })
    options          = map(string)
    zone_label       = string
    kafka_port       = number
    http_port        = number
    log_group        = string
  })
  nullable = false
}

variable "drain_seconds" {
  description = "Time limit for requests in flight once an instance is told to end."
  type        = number
  nullable    = false

  validation {
    condition     = var.drain_seconds >= 10 && var.drain_seconds <= 6900
    error_message = "A drain takes 10 to 6900 seconds: with its margin it must fit into the two hours of a lifecycle hook."
  }
}

variable "ready_seconds" {
  description = "Time within which a new instance must answer 200 to /readyz; else it is replaced."
  type        = number
  default     = 900
  nullable    = false
}

variable "target_group_arns" {
  description = "Target groups of a load balancer that the instances belong to."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "folders" {
  description = "Folders of the store (docs/formats.md) in which the role puts, gets and deletes objects, without slashes."
  type        = object({ put = list(string), get = list(string), delete = list(string) })
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key of the bucket, if it is encrypted with one of KMS."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
