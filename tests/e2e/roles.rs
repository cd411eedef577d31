//! Roles: which metastores each role accepts, and its error for others.

use crate::server::{Server, free_port, run};

/// Runs `alluvium role` with `args` on a fresh directory, which must fail to start. Returns its output.
fn start_error(role: &str, args: &[&str]) -> String {
    let data = tempfile::tempdir().expect("a directory");
    let data = data.path().display().to_string();
    let http = format!("127.0.0.1:{}", free_port());
    let (status, output) = run(&[&[role, "--data-dir", &data, "--http-listen", &http], args].concat());
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(!output.contains("panicked"), "{output}");
    output
}

#[test]
fn roles_that_work_beside_others_refuse_the_embedded_metastore_and_say_what_to_do() {
    for (role, instead) in [
        ("gateway", "alluvium dev"),
        ("compactor", "alluvium compactor --once"),
        ("compact", "alluvium compactor --once"),
    ] {
        let output = start_error(role, &[]);
        assert!(output.contains("embedded metastore") && output.contains("serves one"), "{role}: {output}");
        assert!(
            output.contains("--metastore fdb:///path/to/fdb.cluster") && output.contains(instead),
            "{role}: {output}"
        );
    }
}

#[test]
fn an_agent_that_could_not_be_told_to_anybody_is_refused() {
    let output = start_error("gateway", &["--metastore", "fdb:///no/such/fdb.cluster", "--kafka-listen", "0.0.0.0:0"]);
    assert!(output.contains("--kafka-advertised HOST:PORT"), "{output}");
}

#[test]
fn the_embedded_metastore_is_compacted_once_under_either_name() {
    let server = Server::prepare(&[]);
    let data = server.data().display().to_string();
    for name in ["compactor", "compact"] {
        let (status, output) = run(&[name, "--once", "--data-dir", &data]);
        assert!(status.success() && output.contains("history files written"), "{name}: {output}");
    }
}
