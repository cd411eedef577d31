variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400], var.log_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 or 400 days."
  }
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms go to; if null, alarms only show their state."
  type        = string
  default     = null
}

variable "groups" {
  description = "Auto-scaling groups by role, with the fewest instances that each shall have."
  type        = map(object({ group_name = string, min = number }))
  nullable    = false
}

variable "machines" {
  description = "Instance ids of FoundationDB's machines by name."
  type        = map(string)
  nullable    = false
}

variable "load_balancer" {
  description = "Load balancer and Kafka target group of the endpoint module; null without one."
  type        = object({ load_balancer = string, target_group = string })
  default     = null
}

variable "thresholds" {
  description = "Limits beyond which an alarm is raised: bytes that wait for compaction, milliseconds that an agent is behind the feed, seconds that the backup is behind, and bytes left to FoundationDB."
  type = object({
    compaction_lag_bytes       = optional(number, 53687091200)
    view_lag_milliseconds      = optional(number, 10000)
    backup_seconds_behind      = optional(number, 3600)
    foundationdb_space_minimum = optional(number, 10737418240)
  })
  default  = {}
  nullable = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
