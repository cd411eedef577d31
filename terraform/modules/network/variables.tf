variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false
}

variable "cidr" {
  description = "Addresses of the network; not those of networks that it is peered with."
  type        = string
  default     = "10.90.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "The network is an IPv4 network of /20 or larger."
  }
}

variable "zones" {
  description = "Three availability zones of the region."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(distinct(var.zones)) == 3 && length(var.zones) == 3
    error_message = "Three different zones: FoundationDB and the agents survive one that fails."
  }
}

variable "buckets" {
  description = "Buckets that may be reached through the S3 endpoint: that of the cluster, and that of the artifacts if there is one."
  type        = list(string)
  nullable    = false
}

variable "interface_endpoints" {
  description = "Services of AWS that are reached by interface endpoints, in all zones. Each costs money by the hour and zone."
  type        = list(string)
  default     = ["autoscaling", "logs", "monitoring", "ssm", "ssmmessages"]
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
