# The bucket that holds every record. Nothing but Alluvium deletes from it: no rule expires or moves objects, and without
# versions a deleted object is gone and no longer paid for. FoundationDB's backup is in folders of its own, data and backups.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  uses_kms = var.encryption == "aws:kms"
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18: access logs are one more object for each request; CloudTrail's data events do the same on demand
  # checkov:skip=CKV_AWS_19: it is encrypted, below, with what the variable encryption says; checkov does not follow the variable
  # checkov:skip=CKV_AWS_21: versions would keep, and charge for, every segment that compaction has rewritten; records are immutable
  # checkov:skip=CKV_AWS_144: a copy in another region doubles the bill; replication is the choice of those who need it
  # checkov:skip=CKV_AWS_145: SSE-S3 is the default, and encryption = "aws:kms" chooses a key of KMS
  # checkov:skip=CKV2_AWS_62: nothing listens for events; agents learn of objects from the metastore
  bucket        = var.name
  force_destroy = false
  tags          = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Disabled"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = local.uses_kms

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.encryption
      kms_master_key_id = local.uses_kms ? aws_kms_key.this[0].arn : null
    }
  }
}

# The only rule. It deletes parts of uploads that were never completed, and no object.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.incomplete_upload_days
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json

  depends_on = [aws_s3_bucket_public_access_block.this]
}

# The account's own policies decide who uses the key: the roles of the instances name it.
data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109: it is the key's own policy; without it, nobody could manage the key
  # checkov:skip=CKV_AWS_111: as above
  # checkov:skip=CKV_AWS_356: in a key's policy, the resource is the key itself
  statement {
    sid = "Account"
    actions = [
      "kms:CancelKeyDeletion", "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey",
      "kms:EnableKeyRotation", "kms:Encrypt", "kms:GenerateDataKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
      "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant",
      "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
}

resource "aws_kms_key" "this" {
  count = local.uses_kms ? 1 : 0

  description             = "Objects of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = var.tags

  lifecycle {
    prevent_destroy = true
  }
}
