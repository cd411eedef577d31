"""What must hold for every cluster: least privilege, no public bucket, no way to the internet, IMDSv2, data that stays."""

import re

import configuration
import pytest
from configuration import children, module, plain

FOLDERS = pytest.mark.parametrize("folder", configuration.folders(), ids=lambda folder: folder.name)
EVERYWHERE = ["0.0.0.0/0", "::/0"]


def resources(type_):
    return [block for folder in configuration.folders() for block in folder.resources(type_)]


def statements(folder, name):
    """The statements of a policy document, with its actions as plain text."""
    [document] = [block for block in folder.blocks if block.type == "aws_iam_policy_document" and block.name == name]
    return children(document.body, "statement")


def actions(folder, name):
    return {plain(action) for statement in statements(folder, name) for action in statement["actions"]}


# --- permissions

# What the methods of object_store send, as permissions of S3.
PERMISSIONS = {
    "put_opts": {"s3:PutObject"},
    "get_opts": {"s3:GetObject"},
    "head": {"s3:GetObject"},
    "delete_stream": {"s3:DeleteObject"},
    "list": {"s3:ListBucket"},
    "list_with_offset": {"s3:ListBucket"},
    "to_string": set(),
}
KMS = {"kms:Decrypt", "kms:GenerateDataKey"}
# Files of crates/objects that only directories and tests use.
NOT_S3 = {"local_store.rs", "local_directory.rs", "conformance.rs"}


def calls_of_the_program():
    """Permissions for every request that crates/objects and crates/s3 send."""
    crates = configuration.REPOSITORY / "crates"
    found = set()
    for file in (crates / "objects/src").glob("*.rs"):
        if file.name not in NOT_S3:
            called = re.findall(r"\bstore\s*\.(\w+)\(", file.read_text())
            assert set(called) <= set(PERMISSIONS), f"{file.name}: what does it need? Say so in PERMISSIONS"
            found |= {permission for method in called for permission in PERMISSIONS[method]}
    for file in (crates / "s3/src").rglob("*.rs"):
        if "tests" not in file.parts:
            found |= set(re.findall(r'"(s3:\w+)"', file.read_text()))
    return found


def test_the_program_may_do_what_it_calls_and_nothing_else():
    called = calls_of_the_program()
    assert {"s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"} <= called, "the source is read wrongly"
    assert actions(module("process_group"), "store") == called | KMS


def test_the_operating_guide_names_the_same_permissions():
    guide = (configuration.REPOSITORY / "docs/operating.md").read_text()
    assert set(re.findall(r"`(s3:\w+)`", guide)) == calls_of_the_program()


def test_an_instance_may_do_what_its_scripts_call_and_nothing_else():
    scripts = module("boot/alluvium").path / "files"
    assert "aws autoscaling complete-lifecycle-action" in (scripts / "follow-lifecycle").read_text()
    logs = {"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"}
    expected = {"autoscaling:CompleteLifecycleAction", "s3:GetObject"} | logs
    assert actions(module("process_group"), "instance") == expected


def test_foundationdb_may_do_what_its_backup_and_its_scripts_call_and_nothing_else():
    backup = {
        "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
        "s3:ListBucket", "s3:ListBucketMultipartUploads",
    }
    assert actions(module("foundationdb"), "this") == backup | KMS | {"cloudwatch:PutMetricData"}


def test_the_commands_of_scripts_are_those_that_the_policies_know():
    """A new `aws` command needs a permission, and then this list."""
    known = {
        "aws s3 cp", "aws s3api list-objects-v2", "aws autoscaling complete-lifecycle-action", '"aws", "cloudwatch", "put-metric-data"',
    }
    found = set()
    for file in (configuration.TERRAFORM / "modules/boot").rglob("*"):
        if file.is_file() and "files" in file.parts or file.parent.name == "shared":
            found |= set(re.findall(r'aws [a-z0-9-]+ [a-z0-9-]+|"aws", "[a-z]+", "[a-z-]+"', file.read_text()))
    assert found == known


@FOLDERS
def test_no_action_is_a_wildcard_and_no_resource_is_everything(folder):
    for block in folder.blocks:
        if block.type != "aws_iam_policy_document":
            continue
        for statement in children(block.body, "statement"):
            if plain(statement.get("effect", "Allow")) == "Deny":
                continue
            assert not [action for action in statement["actions"] if "*" in action], f"{block}: {statement}"
            # In a key's own policy the resource is the key; metrics have no ARN and are limited by their namespace.
            is_limited = block.name == "key" or children(statement, "condition")
            assert '"*"' not in statement.get("resources", []) or is_limited, f"{block}: {statement}"


def test_a_role_writes_and_deletes_only_in_its_folders():
    layout = (configuration.REPOSITORY / "docs/formats.md").read_text()
    folders = set(re.findall(r"^(segments|history)/", layout, re.MULTILINE))
    given = {role: module(role).calls["group"]["folders"] for role in ("gateway", "compactor")}
    named = {role: {verb: {plain(name) for name in names} for verb, names in access.items() if isinstance(names, list)}
             for role, access in given.items()}
    assert named["gateway"] == {"put": {"segments", "probe"}, "get": folders | {"probe"}, "delete": {"probe"}}
    assert named["compactor"] == {"put": {"history", "probe"}, "get": folders | {"probe"}, "delete": folders | {"probe"}}


def test_no_key_lives_for_long():
    for type_ in ("aws_iam_user", "aws_iam_access_key", "aws_key_pair", "aws_iam_service_specific_credential"):
        assert not resources(type_)
    for block in resources("aws_instance") + resources("aws_launch_template"):
        assert "key_name" not in block.body, block


# --- the bucket

def only(type_):
    [block] = resources(type_)
    return block.body


def test_a_bucket_is_private():
    access = only("aws_s3_bucket_public_access_block")
    for setting in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"):
        assert access[setting] is True
    [rule] = children(only("aws_s3_bucket_ownership_controls"), "rule")
    assert plain(rule["object_ownership"]) == "BucketOwnerEnforced"
    for type_ in ("aws_s3_bucket_acl", "aws_s3_bucket_website_configuration"):
        assert not resources(type_)


def test_a_bucket_is_reached_by_tls_only_and_encrypted():
    [deny] = statements(module("bucket"), "bucket")
    [condition] = children(deny, "condition")
    assert plain(deny["effect"]) == "Deny" and [plain(action) for action in deny["actions"]] == ["s3:*"]
    assert (plain(condition["variable"]), [plain(value) for value in condition["values"]]) == ("aws:SecureTransport", ["false"])
    assert len(deny["resources"]) == 2
    [rule] = children(only("aws_s3_bucket_server_side_encryption_configuration"), "rule")
    [encryption] = children(rule, "apply_server_side_encryption_by_default")
    assert encryption["sse_algorithm"] == "${var.encryption}"
    [validation] = module("bucket").variables["encryption"]["validation"]
    assert validation["condition"] == '${contains(["AES256", "aws:kms"], var.encryption)}'


def test_a_bucket_keeps_no_versions_and_no_rule_touches_an_object():
    [versioning] = children(only("aws_s3_bucket_versioning"), "versioning_configuration")
    assert plain(versioning["status"]) == "Disabled"
    for rule in children(only("aws_s3_bucket_lifecycle_configuration"), "rule"):
        assert {name for name in rule if not name.startswith("__")} == {
            "id", "status", "filter", "abort_incomplete_multipart_upload",
        }
    assert not resources("aws_s3_bucket_object_lock_configuration")


# --- the network

@pytest.mark.parametrize("type_", [
    "aws_nat_gateway", "aws_internet_gateway", "aws_egress_only_internet_gateway", "aws_eip", "aws_route", "aws_nat_instance",
])
def test_there_is_no_way_to_the_internet(type_):
    assert not resources(type_)


def test_records_reach_the_bucket_through_the_gateway_endpoint():
    [gateway] = [block for block in resources("aws_vpc_endpoint") if plain(block.body["vpc_endpoint_type"]) == "Gateway"]
    assert plain(gateway.body["service_name"]) == "com.amazonaws.${local.region}.s3"
    assert gateway.body["route_table_ids"] == "${[for table in aws_route_table.private : table.id]}", "all tables have the route"


def test_the_endpoint_lets_all_requests_of_all_roles_pass():
    passed = actions(module("network"), "s3")
    needed = {action for folder, name in (("process_group", "store"), ("process_group", "instance"), ("foundationdb", "this"))
              for action in actions(module(folder), name) if action.startswith("s3:")}
    assert passed == needed


def test_the_network_has_three_zones():
    condition = module("network").variables["zones"]["validation"][0]["condition"]
    assert "length(distinct(var.zones)) == 3" in condition
    assert "length(var.subnets) == 3" in module("foundationdb").variables["subnets"]["validation"][0]["condition"]
    for type_ in ("aws_subnet", "aws_route_table", "aws_route_table_association"):
        [block] = resources(type_)
        assert block.body["for_each"] == "${local.subnets}"


def test_nothing_has_a_public_address():
    for block in resources("aws_subnet"):
        assert block.body["map_public_ip_on_launch"] is False
    for block in resources("aws_launch_template"):
        for interface in children(block.body, "network_interfaces"):
            assert interface["associate_public_ip_address"] is False
    for block in resources("aws_lb"):
        assert block.body["internal"] is True


def test_security_groups_are_narrow():
    for block in resources("aws_vpc_security_group_ingress_rule") + resources("aws_vpc_security_group_egress_rule"):
        assert plain(block.body["ip_protocol"]) == "tcp", block
        if plain(block.body.get("cidr_ipv4", "")) in EVERYWHERE:
            is_https_out = block.type.endswith("egress_rule") and (block.body["from_port"], block.body["to_port"]) == (443, 443)
            assert is_https_out, block
    for block in resources("aws_security_group") + resources("aws_default_security_group"):
        assert "ingress" not in block.body and "egress" not in block.body, block


def test_clients_come_from_private_networks():
    condition = module("gateway").variables["client_cidrs"]["validation"][0]["condition"]
    pattern = re.search(r'regex\("(\^\(.*?)", cidr\)', condition).group(1).encode().decode("unicode_escape")
    for private in ("10.0.0.0/8", "172.16.0.0/12", "172.31.0.0/16", "192.168.1.0/24", "100.64.0.0/10", "100.127.0.0/16"):
        assert re.search(pattern, private), private
    for public in ("0.0.0.0/0", "172.32.0.0/16", "172.15.0.0/16", "8.8.8.0/24", "100.63.0.0/16", "100.128.0.0/16", "11.0.0.0/8"):
        assert not re.search(pattern, public), public


# --- instances

def test_instances_answer_metadata_by_version_2_only():
    blocks = resources("aws_instance") + resources("aws_launch_template")
    assert len(blocks) == 2
    for block in blocks:
        [options] = children(block.body, "metadata_options")
        assert plain(options["http_tokens"]) == "required" and options["http_put_response_hop_limit"] == 1, block


def test_volumes_are_encrypted():
    for block in resources("aws_ebs_volume"):
        assert block.body["encrypted"] is True
    for block in resources("aws_instance"):
        assert all(volume["encrypted"] is True for volume in children(block.body, "root_block_device"))
    for block in resources("aws_launch_template"):
        volumes = [volume for device in children(block.body, "block_device_mappings") for volume in children(device, "ebs")]
        assert volumes and all(volume["encrypted"] is True for volume in volumes)


@pytest.mark.parametrize("type_", ["aws_s3_bucket", "aws_kms_key", "aws_ebs_volume", "aws_network_interface"])
def test_what_holds_data_or_an_address_is_not_destroyed(type_):
    assert resources(type_)
    for block in resources(type_):
        [lifecycle] = block.body["lifecycle"]
        assert lifecycle["prevent_destroy"] is True, block


def test_machines_of_foundationdb_are_replaced_only_when_told_to():
    [instance] = resources("aws_instance")
    [lifecycle] = instance.body["lifecycle"]
    ignored = {re.sub(r"[${}]", "", name) for name in lifecycle["ignore_changes"]}
    assert ignored == {"ami", "instance_type", "user_data_base64"}
    [interface] = children(instance.body, "primary_network_interface")
    assert interface["network_interface_id"] == "${aws_network_interface.machine[each.key].id}"


def test_an_instance_serves_before_another_drains():
    [group] = resources("aws_autoscaling_group")
    [refresh] = children(group.body, "instance_refresh")
    [preferences] = children(refresh, "preferences")
    assert preferences["min_healthy_percentage"] == 100 and preferences["max_healthy_percentage"] > 100
    [launch] = children(group.body, "initial_lifecycle_hook")
    assert plain(launch["default_result"]) == "ABANDON", "what never becomes ready does not serve"
    [terminate] = resources("aws_autoscaling_lifecycle_hook")
    assert plain(terminate.body["lifecycle_transition"]) == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert terminate.body["heartbeat_timeout"] == "${module.boot.stop_seconds + 60}", "the group waits longer than systemd"


def test_the_load_balancer_reaches_the_agents_wherever_they_are():
    [rule] = [block for block in resources("aws_vpc_security_group_egress_rule")
              if block.body["security_group_id"] == "${var.endpoint.security_group_id}"]
    assert rule.body["referenced_security_group_id"] == "${aws_security_group.this.id}"
    assert not module("endpoint").resources("aws_vpc_security_group_egress_rule"), "addresses of a network may grow"


# GiB of the machines that the README offers.
MACHINE_GIB = {"t4g.medium": 4, "m7g.large": 8, "m7g.xlarge": 16, "m7g.2xlarge": 32}


def test_processes_of_foundationdb_fit_into_their_machine():
    variables = module("foundationdb").variables
    default = {name: variables[name]["default"] for name in ("instance_type", "process_classes", "process_memory_gib")}
    sizes = [default] + [
        default | folder.calls["cluster"].get("foundationdb", {}) for folder in configuration.folders() if "cluster" in folder.calls
    ]
    assert len(sizes) == 4
    fits = [(plain(size["instance_type"]), len(size["process_classes"]), size["process_memory_gib"]) for size in sizes]
    page = (configuration.TERRAFORM / "README.md").read_text()
    table = re.findall(r"\| (\w+\.\w+), (\d) × (\d) GiB \|$", page, re.MULTILINE)
    assert len(table) == 5
    for type_, processes, gib in fits + table:
        assert int(processes) * int(gib) <= MACHINE_GIB[type_] - 1, type_
    cluster = module("cluster").variables["foundationdb"]["type"]
    assert f"process_memory_gib = optional(number, {default['process_memory_gib']})" in re.sub(" +", " ", cluster).replace('"', "")


def test_the_state_can_be_locked_by_the_version_that_is_required():
    """use_lockfile came with 1.10."""
    for file in configuration.TERRAFORM.rglob("versions.tf"):
        assert 'required_version = ">= 1.10"' in file.read_text(), file


def test_the_load_balancer_asks_readyz():
    [target] = resources("aws_lb_target_group")
    [check] = children(target.body, "health_check")
    assert (plain(check["path"]), plain(check["matcher"]), plain(check["protocol"])) == ("/readyz", "200", "HTTP")


def test_groups_grow_by_targets_and_shrink_one_at_a_time():
    for role in ("gateway", "compactor"):
        policies = module(role).resources("aws_autoscaling_policy")
        for policy in policies:
            for target in children(policy.body, "target_tracking_configuration"):
                assert target["disable_scale_in"] is True, policy
        [shrink] = [policy for policy in policies if plain(policy.body["policy_type"]) == "SimpleScaling"]
        assert shrink.body["scaling_adjustment"] == -1 and shrink.body["cooldown"] >= 1800
        [alarm] = module(role).resources("aws_cloudwatch_metric_alarm")
        assert alarm.body["evaluation_periods"] == 12 and alarm.body["alarm_actions"] == ["${aws_autoscaling_policy.remove.arn}"]
