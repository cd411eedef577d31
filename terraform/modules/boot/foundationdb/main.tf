# What a machine of FoundationDB does when it boots. No provider is needed here, so the tests render and run it.

locals {
  # The bucket is a part of the host's name, and FoundationDB wants its name and region besides.
  backup_host = "${var.backup.bucket}.s3.${var.region}.amazonaws.com"
  # Each database has a backup of its own; ID stands for its id, which is on the first machine's volume.
  backup_url = "blobstore://@${local.backup_host}/${var.backup.name}/ID?bucket=${var.backup.bucket}&region=${var.region}"

  boot_env = {
    AWS_DEFAULT_REGION      = var.region
    CLUSTER_NAME            = var.cluster_name
    METRICS_NAMESPACE       = var.metrics_namespace
    DATA_VOLUME             = var.data_volume
    IS_FIRST                = var.is_first
    REDUNDANCY_MODE         = var.redundancy_mode
    STORAGE_ENGINE          = var.storage_engine
    CLIENT_PACKAGE_URL      = var.client_package.url
    CLIENT_PACKAGE_SHA256   = var.client_package.sha256
    SERVER_PACKAGE_URL      = var.server_package.url
    SERVER_PACKAGE_SHA256   = var.server_package.sha256
    BACKUP_BUCKET           = var.backup.bucket
    BACKUP_HOST             = local.backup_host
    BACKUP_URL              = local.backup_url
    BACKUP_SNAPSHOT_SECONDS = var.backup.snapshot_seconds
    BACKUP_DAYS             = var.backup.days
  }

  scripts = [
    "install-foundationdb", "configure-foundationdb", "renew-backup-credentials", "back-up-foundationdb", "foundationdb-status",
  ]
  units = [
    "configure-foundationdb.service", "foundationdb-status.service", "foundationdb-status.timer",
    "renew-backup-credentials.service", "renew-backup-credentials.timer",
    "back-up-foundationdb.service", "back-up-foundationdb.timer",
  ]
  texts = merge(
    { for unit in local.units : "/etc/systemd/system/${unit}" => file("${path.module}/files/${unit}") },
    {
      "/usr/local/lib/alluvium/instance.sh"                     = file("${path.module}/../shared/instance.sh")
      "/etc/systemd/system/foundationdb.service.d/machine.conf" = file("${path.module}/files/foundationdb.service.conf")
      "/etc/alluvium/fdb.cluster"                               = "${var.cluster_file}\n"
      "/etc/alluvium/boot.env"                                  = join("", [for name, value in local.boot_env : "${name}='${value}'\n"])
      "/etc/profile.d/foundationdb.sh"                          = "export FDB_CLUSTER_FILE=/var/lib/foundationdb/fdb.cluster\n"
      "/etc/alluvium/foundationdb.conf" = templatefile("${path.module}/files/foundationdb.conf.tftpl", {
        address    = var.address
        machine    = var.machine
        zone       = var.zone
        classes    = var.process_classes
        memory_gib = var.memory_gib
        # Copies are in different zone ids. With data halls these are machines, and the halls are the zones.
        zone_id = var.redundancy_mode == "three_data_hall" ? var.machine : var.zone
      })
    },
  )

  cloud_config = {
    write_files = concat(
      [for script in local.scripts : {
        path = "/usr/local/sbin/${script}", permissions = "0755", content = file("${path.module}/files/${script}")
      }],
      [for path, content in local.texts : { path = path, permissions = "0644", content = content }],
    )
    # Each step of it can be done again; what fails may be a package's bucket that does not answer yet.
    runcmd = [["sh", "-c", "until /usr/local/sbin/install-foundationdb; do sleep 30; done"]]
  }
}
