//! The doctor: what it finds if everything works, and that it names each problem, what it means and what to do.

use serde_json::Value;

use crate::{
    s3::{Fault, RequestKind, Rule, S3},
    server::{Server, run},
    small_disk::SmallDisk,
};

/// The doctor calls nothing slow whose median takes no longer than this.
const SLOW_MS_MIN: f64 = 50.0;

/// What `alluvium doctor --json` says, and its exit code.
struct Examination {
    code: Option<i32>,
    document: Value,
}

impl Examination {
    fn of(server: &Server, more: &[&str]) -> Self {
        let (status, output) = server.doctor(&[&["--json"], more].concat());
        let document = serde_json::from_str(&output).unwrap_or_else(|error| panic!("no JSON ({error}): {output}"));
        Self { code: status.code(), document }
    }

    /// The one finding of `check`.
    fn finding(&self, check: &str) -> &Value {
        let findings = self.document["findings"].as_array().expect("findings");
        let of_check: Vec<&Value> = findings.iter().filter(|finding| finding["check"] == check).collect();
        assert_eq!(of_check.len(), 1, "{check} in {:#}", self.document);
        of_check[0]
    }

    /// `check` finds nothing wrong, or only that this machine is slow at the moment.
    fn assert_ok(&self, check: &str) {
        let finding = self.finding(check);
        let is_slow = finding["measured"]["p50_ms"].as_f64().is_some_and(|ms| ms > SLOW_MS_MIN);
        let expected: &[&str] = if is_slow { &["ok", "warning"] } else { &["ok"] };
        assert!(finding["outcome"].as_str().is_some_and(|outcome| expected.contains(&outcome)), "{finding:#}");
    }

    fn outcome(&self, check: &str) -> &str {
        self.finding(check)["outcome"].as_str().expect("an outcome")
    }

    /// The manual names every check.
    fn assert_documented(&self) {
        let manual = include_str!("../../docs/operating.md");
        for finding in self.document["findings"].as_array().expect("findings") {
            let check = finding["check"].as_str().expect("a name");
            assert!(manual.contains(&format!("`{check}`")), "{check} is not in docs/operating.md");
        }
    }

    /// The finding of `check` has this outcome and text, and says what it means and what to do.
    fn assert_outcome(&self, check: &str, outcome: &str, found: &str) {
        let finding = self.finding(check);
        assert_eq!(finding["outcome"], outcome, "{finding:#}");
        assert!(finding["found"].as_str().is_some_and(|text| text.contains(found)), "{finding:#}");
        for output in ["means", "advice"] {
            assert!(finding[output].as_str().is_some_and(|text| text.len() > 20), "{output} in {finding:#}");
        }
    }
}

fn rule(what: &str) -> String {
    format!(
        "<LifecycleConfiguration><Rule><ID>tidy-up</ID><Status>Enabled</Status>{what}</Rule></LifecycleConfiguration>"
    )
}

#[test]
fn a_healthy_bucket_is_found_so_and_left_empty() {
    let s3 = S3::start();
    let server = s3.prepare(&["--connections-max", "100"]);
    let examination = Examination::of(&server, &[]);
    assert_eq!((examination.code, &examination.document["schema"]), (Some(0), &Value::from(1)));
    for check in [
        "configuration",
        "process.memory",
        "listeners.kafka",
        "listeners.http",
        "advertised.kafka",
        "advertised.http",
        "bucket.put",
        "bucket.get",
        "bucket.get-range",
        "bucket.conditional-put",
        "bucket.list",
        "bucket.delete",
        "bucket.lifecycle",
        "bucket.versioning",
        "bucket.object-lock",
        "metastore.open",
        "metastore.read",
        "metastore.commit",
    ] {
        examination.assert_ok(check);
    }
    assert!(examination.finding("bucket.put")["measured"]["p99_ms"].as_f64().is_some_and(|ms| ms > 0.0));
    examination.assert_documented();
    assert_eq!(s3.keys(""), Vec::<String>::new(), "probes are deleted");
    let (status, output) = server.doctor(&[]);
    assert!(status.success() && output.contains(" bucket.put: s3://b/p: 20 objects"), "{output}");
    assert!(output.trim_end().ends_with("0 failed"), "{output}");
}

#[test]
fn a_directory_is_examined_as_well() {
    let server = Server::prepare(&[]);
    let examination = Examination::of(&server, &[]);
    assert_eq!(examination.code, Some(0), "{:#}", examination.document);
    examination.assert_documented();
    for check in ["bucket.put", "bucket.get-range", "bucket.conditional-put", "bucket.list", "bucket.delete"] {
        examination.assert_ok(check);
    }
}

#[test]
fn denied_access_is_a_failure_that_names_permissions() {
    let s3 = S3::start();
    s3.inject(Rule::always(Fault::DENIED));
    let examination = Examination::of(&s3.prepare(&[]), &[]);
    assert_eq!(examination.code, Some(1));
    examination.assert_outcome("bucket.put", "failure", "access denied");
    assert!(examination.finding("bucket.put")["advice"].as_str().is_some_and(|text| text.contains("s3:PutObject")));
    let lifecycle = examination.finding("bucket.lifecycle");
    assert_eq!(lifecycle["outcome"], "not-known", "{lifecycle:#}");
    assert!(lifecycle["found"].as_str().is_some_and(|text| text.contains("s3:GetLifecycleConfiguration")));
}

#[test]
fn a_bucket_that_can_be_written_but_not_read_or_listed_or_deleted_from_is_found_out() {
    for (asked, check) in
        [(RequestKind::Get, "bucket.get"), (RequestKind::List, "bucket.list"), (RequestKind::Delete, "bucket.delete")]
    {
        let s3 = S3::start();
        s3.inject(Rule::on(asked, Fault::DENIED));
        let examination = Examination::of(&s3.prepare(&[]), &[]);
        assert_eq!(examination.code, Some(1));
        examination.assert_ok("bucket.put");
        examination.assert_outcome(check, "failure", "access denied");
    }
}

#[test]
fn a_store_without_conditional_puts_and_ranges_is_found_out() {
    let s3 = S3::start();
    s3.inject(Rule::on(RequestKind::Put, Fault::Headless));
    let examination = Examination::of(&s3.prepare(&[]), &[]);
    assert_eq!(examination.code, Some(0), "a warning is no failure");
    assert_eq!(examination.document["outcome"], "warning");
    examination.assert_outcome("bucket.conditional-put", "warning", "replaces");
    s3.inject(Rule::on(RequestKind::Get, Fault::Headless));
    let examination = Examination::of(&s3.prepare(&[]), &[]);
    assert_eq!(examination.code, Some(1));
    examination.assert_outcome("bucket.get-range", "failure", "s3://b/p");
}

#[test]
fn a_store_that_deletes_nothing_is_found_out() {
    let s3 = S3::start();
    s3.inject(Rule::on(RequestKind::Delete, Fault::Ignored));
    let examination = Examination::of(&s3.prepare(&[]), &[]);
    assert_eq!(examination.code, Some(1));
    assert_eq!(examination.outcome("bucket.delete"), "failure");
}

#[test]
fn a_lifecycle_rule_that_eats_live_objects_is_a_failure() {
    let s3 = S3::start();
    s3.set("lifecycle", &rule("<Filter><Prefix>p/</Prefix></Filter><Expiration><Days>30</Days></Expiration>"));
    let examination = Examination::of(&s3.prepare(&[]), &[]);
    assert_eq!(examination.code, Some(1));
    examination.assert_outcome("bucket.lifecycle", "failure", "tidy-up");
    s3.set("lifecycle", &rule("<Filter><Prefix>other/</Prefix></Filter><Expiration><Days>30</Days></Expiration>"));
    let examination = Examination::of(&s3.prepare(&[]), &[]);
    assert_eq!((examination.code, examination.outcome("bucket.lifecycle")), (Some(0), "ok"));
}

#[test]
fn settings_that_a_server_does_not_know_are_not_known_and_no_failure() {
    let s3 = S3::start();
    s3.inject(Rule::on(RequestKind::Setting, Fault::Status(501, "NotImplemented")));
    let examination = Examination::of(&s3.prepare(&[]), &[]);
    assert_eq!(examination.code, Some(0));
    for check in ["bucket.lifecycle", "bucket.versioning", "bucket.object-lock"] {
        assert_eq!(examination.outcome(check), "not-known");
    }
}

#[test]
fn versions_and_locks_that_keep_what_is_deleted_are_warnings() {
    let s3 = S3::start();
    s3.set("versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
    let lock = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>\
                <Rule><DefaultRetention><Days>1</Days></DefaultRetention></Rule>";
    s3.set("object-lock", &format!("<ObjectLockConfiguration>{lock}</ObjectLockConfiguration>"));
    let examination = Examination::of(&s3.prepare(&[]), &[]);
    assert_eq!(examination.code, Some(0));
    examination.assert_outcome("bucket.versioning", "warning", "on");
    examination.assert_outcome("bucket.object-lock", "warning", "locked");
}

#[test]
fn a_server_that_runs_is_recognised_by_its_doctor() {
    let server = Server::start(&[]);
    let examination = Examination::of(&server, &[]);
    assert_eq!(examination.code, Some(0), "{:#}", examination.document);
    assert_eq!(examination.outcome("listeners.kafka"), "not-known");
    examination.assert_outcome("metastore.open", "warning", "in use by another process");
}

#[test]
fn a_port_that_another_program_listens_on_is_a_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let data = tempfile::tempdir().expect("a directory");
    let data = data.path().display().to_string();
    let (status, output) =
        run(&["doctor", "--data-dir", &data, "--kafka-listen", &address, "--http-listen", "127.0.0.1:0"]);
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("FAILED     listeners.kafka") && output.contains(&address), "{output}");
}

#[test]
fn an_invalid_configuration_is_a_finding_too() {
    let (status, output) = Server::prepare(&[]).doctor(&["--json", "--linger", "1s", "--orphan-age", "1s"]);
    let document: Value = serde_json::from_str(&output).unwrap_or_else(|error| panic!("no JSON ({error}): {output}"));
    assert_eq!((status.code(), &document["findings"][0]["check"]), (Some(1), &Value::from("configuration")));
    assert!(
        document["findings"][0]["found"].as_str().is_some_and(|text| text.contains("--orphan-age")),
        "{document:#}"
    );
}

#[test]
fn a_full_disk_is_a_failure() {
    let Some(disk) = SmallDisk::mount(16) else { return };
    let server = Server::prepare(&[]).with_data(&disk.path().join("data"));
    let examination = Examination::of(&server, &[]);
    assert_eq!(examination.code, Some(1));
    examination.assert_outcome("disk.objects", "failure", "are free");
}
