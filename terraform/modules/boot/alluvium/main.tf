# What an agent or a compactor does when its machine boots. No provider is needed here, so the tests render and run it.

locals {
  # After the drain: two seconds in which clients move away, and the time that listeners and tasks get to close.
  stop_margin_seconds = 30

  fixed_options = {
    store            = var.store
    s3-region        = var.region
    metastore        = "fdb:///var/lib/alluvium/fdb.cluster"
    metastore-prefix = var.metastore_prefix
    http-listen      = "0.0.0.0:${var.http_port}"
    drain-timeout    = "${var.drain_seconds}s"
    data-dir         = "/var/lib/alluvium"
    log-format       = "json"
  }
  listener_options = var.role == "gateway" ? { kafka-listen = "0.0.0.0:${var.kafka_port}" } : {}
  options          = merge(var.options, local.fixed_options, local.listener_options)

  # TOML: numbers and booleans stand as they are, everything else is a string.
  config = join("", [
    for name, value in local.options :
    "${name} = ${can(regex("^(true|false|[0-9]+)$", value)) ? value : jsonencode(value)}\n"
  ])

  boot_env = {
    AWS_DEFAULT_REGION    = var.region
    ROLE                  = var.role
    ZONE_KEY              = var.zone_label
    KAFKA_PORT            = var.kafka_port
    HTTP_PORT             = var.http_port
    BINARY_URL            = var.binary.url
    BINARY_SHA256         = var.binary.sha256
    CLIENT_PACKAGE_URL    = var.client_package.url
    CLIENT_PACKAGE_SHA256 = var.client_package.sha256
    AUTO_SCALING_GROUP    = var.group_name
    LAUNCH_HOOK           = var.launch_hook
    TERMINATE_HOOK        = var.terminate_hook
  }

  # The metrics that the alarms of the observability module need; each distinct one costs money in CloudWatch.
  metrics = [
    "alluvium_registration_valid",
    "alluvium_degraded",
    "alluvium_view_lag_milliseconds",
    "alluvium_compaction_lag_bytes",
    "alluvium_produce_bytes_per_second_max",
    "alluvium_unflushed_bytes",
  ]

  cloudwatch_agent = {
    agent = { region = var.region }
    logs = {
      logs_collected = { files = { collect_list = [{
        file_path       = "/var/log/alluvium/alluvium.log"
        log_group_name  = var.log_group
        log_stream_name = "${var.role}/{instance_id}"
      }] } }
      metrics_collected = { prometheus = {
        prometheus_config_path = "/etc/alluvium/prometheus.yaml"
        log_group_name         = var.log_group
        emf_processor = {
          metric_namespace = var.metrics_namespace
          metric_declaration = [{
            source_labels    = ["job"]
            label_matcher    = "^alluvium$"
            dimensions       = [["cluster", "role"]]
            metric_selectors = [for metric in local.metrics : "^${metric}$"]
          }]
        }
      } }
    }
  }

  prometheus = {
    global = { scrape_interval = "1m", scrape_timeout = "10s" }
    scrape_configs = [{
      job_name = "alluvium"
      static_configs = [{
        targets = ["127.0.0.1:${var.http_port}"]
        labels  = { cluster = var.cluster_name, role = var.role }
      }]
    }]
  }

  scripts = {
    "/usr/local/sbin/install-alluvium"  = file("${path.module}/files/install-alluvium")
    "/usr/local/sbin/describe-instance" = file("${path.module}/files/describe-instance")
    "/usr/local/sbin/check-alluvium"    = file("${path.module}/files/check-alluvium")
    "/usr/local/sbin/follow-lifecycle"  = file("${path.module}/files/follow-lifecycle")
  }
  texts = {
    "/usr/local/lib/alluvium/instance.sh"            = file("${path.module}/../shared/instance.sh")
    "/etc/alluvium/alluvium.toml"                    = local.config
    "/etc/alluvium/fdb.cluster"                      = "${var.cluster_file}\n"
    "/etc/alluvium/boot.env"                         = join("", [for name, value in local.boot_env : "${name}='${value}'\n"])
    "/etc/logrotate.d/alluvium"                      = file("${path.module}/files/logrotate")
    "/etc/systemd/system/alluvium-lifecycle.service" = file("${path.module}/files/alluvium-lifecycle.service")
    "/etc/systemd/system/alluvium.service" = templatefile("${path.module}/files/alluvium.service.tftpl", {
      role         = var.role
      stop_seconds = var.drain_seconds + local.stop_margin_seconds
    })
  }
  monitoring_scripts = var.log_group == null ? {} : {
    "/usr/local/sbin/start-cloudwatch-agent" = file("${path.module}/../shared/start-cloudwatch-agent")
  }
  monitoring_texts = var.log_group == null ? {} : {
    "/etc/alluvium/cloudwatch-agent.json" = jsonencode(local.cloudwatch_agent)
    "/etc/alluvium/prometheus.yaml"       = yamlencode(local.prometheus)
  }

  cloud_config = {
    write_files = concat(
      [for path, content in merge(local.scripts, local.monitoring_scripts) : { path = path, permissions = "0755", content = content }],
      [for path, content in merge(local.texts, local.monitoring_texts) : { path = path, permissions = "0644", content = content }],
    )
    runcmd = concat(
      [["/usr/local/sbin/install-alluvium"]],
      [for script, content in local.monitoring_scripts : [script]],
    )
  }
}
