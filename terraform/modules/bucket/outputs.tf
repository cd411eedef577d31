output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "store" {
  description = "Where the objects are, as --store takes it."
  value       = "s3://${aws_s3_bucket.this.id}/${var.prefix}"
}

output "kms_key_arn" {
  description = "Key of the bucket; null with SSE-S3."
  value       = local.uses_kms ? aws_kms_key.this[0].arn : null
}
