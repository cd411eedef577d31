variable "name" {
  description = "Name of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket has 3 to 63 small letters, digits and hyphens. A dot would break TLS, because the name is a part of the host's."
  }
}

variable "prefix" {
  description = "Prefix of the cluster's objects; one for each cluster."
  type        = string
  default     = "alluvium"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9/_-]*[a-z0-9]$", var.prefix)) && !contains(["data", "backups"], split("/", var.prefix)[0])
    error_message = "A prefix has small letters, digits, hyphens and slashes, none at its ends; data and backups are those of FoundationDB's backup."
  }
}

variable "encryption" {
  description = "AES256 (SSE-S3, free) or aws:kms (a key of its own; requests to KMS cost, though a bucket key makes them few)."
  type        = string
  default     = "AES256"
  nullable    = false

  validation {
    condition     = contains(["AES256", "aws:kms"], var.encryption)
    error_message = "The encryption is AES256 or aws:kms."
  }
}

variable "incomplete_upload_days" {
  description = "Days after which the parts of an unfinished multipart upload are deleted; only FoundationDB's backup uploads in parts."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.incomplete_upload_days >= 1
    error_message = "At least a day."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
