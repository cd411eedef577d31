data "aws_partition" "current" {}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

locals {
  partition  = data.aws_partition.current.partition
  bucket_arn = "arn:${local.partition}:s3:::${var.backup.bucket}"
  # s3://bucket/key is arn:aws:s3:::bucket/key. What is fetched by HTTPS needs no permission.
  artifacts = [
    for url in [var.client_package.url, var.server_package.url] :
    "arn:${local.partition}:s3:::${trimprefix(url, "s3://")}" if startswith(url, "s3://")
  ]
}

data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_356: metrics have no ARN; the condition limits them to one namespace
  # checkov:skip=CKV_AWS_111: as above; all other statements name their resources
  # FoundationDB's own layout: backups/ lists the backups, data/ has their files, each below the backup's name.
  statement {
    sid = "BackupObjects"
    actions = [
      "s3:PutObject",
      "s3:GetObject",
      "s3:DeleteObject",
      "s3:AbortMultipartUpload",
      "s3:ListMultipartUploadParts",
    ]
    resources = [
      "${local.bucket_arn}/backups/${var.name}",
      "${local.bucket_arn}/backups/${var.name}/*",
      "${local.bucket_arn}/data/${var.name}/*",
    ]
  }

  statement {
    sid       = "BackupBucket"
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [local.bucket_arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = length(local.artifacts) == 0 ? [] : [local.artifacts]

    content {
      sid       = "Artifacts"
      actions   = ["s3:GetObject"]
      resources = statement.value
    }
  }

  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Alluvium"]
    }
  }
}

resource "aws_iam_role" "this" {
  name_prefix        = substr("${var.name}-foundationdb-", 0, 38)
  description        = "FoundationDB of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = "${var.name}-foundationdb-"
  role        = aws_iam_role.this.name
  tags        = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "foundationdb"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

# Session Manager, so that nobody needs SSH or a key to reach a machine.
resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
