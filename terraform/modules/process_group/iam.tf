data "aws_caller_identity" "current" {}

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
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.region
  store_arn = "arn:${local.partition}:s3:::${trimprefix(var.boot.store, "s3://")}"
  # Up to the first slash.
  bucket_arn = "arn:${local.partition}:s3:::${split("/", trimprefix(var.boot.store, "s3://"))[0]}"
  # s3://bucket/key is arn:aws:s3:::bucket/key. What is fetched by HTTPS needs no permission.
  artifacts = [
    for url in [var.boot.binary.url, var.boot.client_package.url] :
    "arn:${local.partition}:s3:::${trimprefix(url, "s3://")}" if startswith(url, "s3://")
  ]
}

# What the program calls: crates/objects puts, gets, heads, deletes and lists; `alluvium doctor` reads three settings.
data "aws_iam_policy_document" "store" {
  statement {
    sid       = "Put"
    actions   = ["s3:PutObject"]
    resources = [for folder in var.folders.put : "${local.store_arn}/${folder}/*"]
  }

  # HEAD needs s3:GetObject as well.
  statement {
    sid       = "Get"
    actions   = ["s3:GetObject"]
    resources = [for folder in var.folders.get : "${local.store_arn}/${folder}/*"]
  }

  statement {
    sid       = "Delete"
    actions   = ["s3:DeleteObject"]
    resources = [for folder in var.folders.delete : "${local.store_arn}/${folder}/*"]
  }

  # Without s3:ListBucket on the whole bucket, S3 answers 403 instead of 404 for an object that does not exist.
  statement {
    sid = "Bucket"
    actions = [
      "s3:ListBucket",
      "s3:GetLifecycleConfiguration",
      "s3:GetBucketVersioning",
      "s3:GetBucketObjectLockConfiguration",
    ]
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
}

resource "aws_iam_role" "this" {
  name_prefix        = substr("${var.name}-", 0, 38)
  description        = "Alluvium ${var.role} of ${var.cluster_name}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = "${var.name}-"
  role        = aws_iam_role.this.name
  tags        = var.tags
}

resource "aws_iam_role_policy" "store" {
  name   = "store"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.store.json
}

data "aws_iam_policy_document" "instance" {
  # The group's name is known, its generated id is not.
  statement {
    sid       = "Lifecycle"
    actions   = ["autoscaling:CompleteLifecycleAction"]
    resources = ["arn:${local.partition}:autoscaling:${local.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/${var.name}"]
  }

  dynamic "statement" {
    for_each = length(local.artifacts) == 0 ? [] : [local.artifacts]

    content {
      sid       = "Artifacts"
      actions   = ["s3:GetObject"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = var.boot.log_group == null ? [] : [var.boot.log_group]

    content {
      sid     = "Logs"
      actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = [
        "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${statement.value}:*",
      ]
    }
  }
}

resource "aws_iam_role_policy" "instance" {
  name   = "instance"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.instance.json
}

# Session Manager, so that nobody needs SSH or a key to reach a machine.
resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
