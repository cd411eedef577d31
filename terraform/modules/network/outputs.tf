output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Private subnets by zone."
  value       = tomap({ for zone, subnet in aws_subnet.private : zone => subnet.id })

  # An instance that boots there needs a way to S3 and to the services.
  depends_on = [aws_route_table_association.private, aws_vpc_endpoint.s3, aws_vpc_endpoint.service]
}

output "route_table_ids" {
  description = "Route tables by zone, for the routes of a peering or of a transit gateway."
  value       = tomap({ for zone, table in aws_route_table.private : zone => table.id })
}

output "s3_endpoint_id" {
  description = "The gateway endpoint of S3."
  value       = aws_vpc_endpoint.s3.id
}
