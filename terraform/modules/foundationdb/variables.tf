variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,28}$", var.name))
    error_message = "A name has 2 to 29 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "vpc_id" {
  description = "Network of the machines."
  type        = string
  nullable    = false
}

variable "subnets" {
  description = "One private subnet by zone, in three zones. The zones never change: each machine's address and volume are in one."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.subnets) == 3
    error_message = "Three zones: the coordinators survive one that fails."
  }
}

variable "ami_id" {
  description = "Image of Amazon Linux 2023 for the architecture of the instance type. Another value changes a machine only when it is replaced."
  type        = string
  nullable    = false
}

variable "instance_type" {
  description = "Instance type; the README has a table of sizes."
  type        = string
  default     = "m7g.large"
  nullable    = false
}

variable "machines_per_zone" {
  description = "Machines in each zone. It may grow later; a machine that is taken away must be excluded first."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.machines_per_zone >= 1 && var.machines_per_zone <= 9 && floor(var.machines_per_zone) == var.machines_per_zone
    error_message = "One to nine machines in each zone."
  }
}

variable "coordinators_per_zone" {
  description = "Coordinators in each zone, on its first machines: 1 survives a zone, 3 survives a zone and a machine. Fixed once the cluster exists: see the README."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains([1, 3], var.coordinators_per_zone)
    error_message = "One or three coordinators in each zone, so that their number is odd."
  }
}

variable "redundancy_mode" {
  description = "double: two copies, in two zones. three_data_hall: three copies, in three zones; at least two machines in each. Used when the database is created."
  type        = string
  default     = "double"
  nullable    = false

  validation {
    condition     = contains(["double", "three_data_hall"], var.redundancy_mode)
    error_message = "The mode is double or three_data_hall. The others do not survive a zone: triple over three zones needs all three."
  }
}

variable "storage_engine" {
  description = "Storage engine: ssd, or ssd-redwood-1. Used when the database is created."
  type        = string
  default     = "ssd"
  nullable    = false

  validation {
    condition     = contains(["ssd", "ssd-redwood-1"], var.storage_engine)
    error_message = "The engine is ssd or ssd-redwood-1."
  }
}

variable "process_classes" {
  description = "Class of each process of a machine, from port 4500 on; about one for each processor."
  type        = list(string)
  default     = ["storage", "transaction"]
  nullable    = false

  validation {
    condition = (
      length(var.process_classes) >= 1 && length(var.process_classes) <= 16 && contains(var.process_classes, "storage") &&
      alltrue([for class in var.process_classes : contains(["storage", "transaction", "stateless"], class)])
    )
    error_message = "One to sixteen of storage, transaction and stateless; at least one stores."
  }
}

variable "process_memory_gib" {
  description = "Memory at which a process ends itself. All processes together leave a GiB of the machine free."
  type        = number
  default     = 3
  nullable    = false
}

variable "volume" {
  description = "Data volume of each machine (gp3): GiB, operations per second, MiB per second."
  type        = object({ gib = number, iops = number, mib_per_second = number })
  default     = { gib = 100, iops = 3000, mib_per_second = 125 }
  nullable    = false

  validation {
    condition     = var.volume.gib >= 20 && var.volume.iops >= 3000 && var.volume.mib_per_second >= 125
    error_message = "At least 20 GiB, and what gp3 includes: 3000 operations and 125 MiB per second."
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

variable "server_package" {
  description = "FoundationDB's servers as an RPM: an s3:// or https:// address, and its SHA-256."
  type        = object({ url = string, sha256 = string })
  nullable    = false

  validation {
    condition     = can(regex("^(s3|https)://", var.server_package.url)) && can(regex("^[0-9a-f]{64}$", var.server_package.sha256))
    error_message = "The address begins with s3:// or https://, and the checksum has 64 hexadecimal digits."
  }
}

variable "backup" {
  description = "Bucket of the continuous backup (that of the cluster), seconds between its snapshots, and days that it can be restored to."
  type        = object({ bucket = string, snapshot_seconds = optional(number, 86400), days = optional(number, 7) })
  nullable    = false

  validation {
    condition     = var.backup.snapshot_seconds >= 3600 && var.backup.days >= 1
    error_message = "A snapshot an hour at most, kept for a day at least."
  }
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
