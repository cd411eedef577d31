variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}$", var.name))
    error_message = "A name has 2 to 25 small letters, digits and hyphens, and begins with a letter: target groups have at most 32."
  }
}

variable "vpc_id" {
  description = "Network of the agents."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "One private subnet in each zone."
  type        = list(string)
  nullable    = false
}

variable "client_cidrs" {
  description = "Networks of the clients."
  type        = list(string)
  nullable    = false
}

variable "kafka_port" {
  description = "Port of the agents' Kafka listener, and of the bootstrap address."
  type        = number
  default     = 9092
  nullable    = false
}

variable "http_port" {
  description = "Port of the agents' HTTP listener."
  type        = number
  default     = 8080
  nullable    = false
}

variable "dns" {
  description = "Zone of Route 53, and a name in it that points to the load balancer, such as kafka.example.internal. Null for AWS's own name."
  type        = object({ zone_id = string, name = string })
  default     = null
}

variable "deletion_protection" {
  description = "Whether the load balancer, whose name clients know, refuses to be deleted."
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
