//! The conformance suite on stores of this machine.

use std::fs;

use super::parts;
use crate::conformance::conforms;
use crate::{ErrorKind, Objects, ObjectsConfig, open_directory};

#[tokio::test]
async fn memory_conforms() {
    conforms(Objects::memory(ObjectsConfig::default())).await;
    let store = std::sync::Arc::new(object_store::memory::InMemory::new());
    let outside = Objects::new(store.clone(), "", ObjectsConfig::default());
    outside.put("elsewhere", parts("x")).await.unwrap();
    conforms(Objects::new(store, "/some/prefix/", ObjectsConfig::default())).await;
}

#[tokio::test]
async fn a_directory_conforms_and_is_created_if_it_does_not_exist() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path().join("made/on demand");
    conforms(open_directory(&directory, ObjectsConfig::default()).await.unwrap()).await;

    let objects = open_directory(&directory, ObjectsConfig::default()).await.unwrap();
    objects.put("segments/00/x.seg", parts("on disk")).await.unwrap();
    assert_eq!(fs::read(directory.join("segments/00/x.seg")).unwrap(), b"on disk");
}

#[tokio::test]
async fn a_directory_that_cannot_be_created_is_named_in_the_error() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("file");
    fs::write(&file, "").unwrap();
    for directory in [file.clone(), file.join("below")] {
        let error = open_directory(&directory, ObjectsConfig::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoSuchBucket, "{error}");
        assert!(error.to_string().contains(&directory.display().to_string()), "{error}");
    }
}
