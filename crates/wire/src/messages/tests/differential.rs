//! Comparison with an independent codec: the same bytes, in both directions.

use std::fmt::Debug;

use bytes::BytesMut;
use kafka_protocol::protocol::{Decodable, Encodable, Message as TheirMessage};
use proptest::prelude::*;

use super::{decode, encode, random};
use crate::codec::generate::Generate;
use crate::{Message, Writer};

/// A message of ours, decoded by their codec and encoded back, does not change.
fn agree<Ours, Theirs>(seed: u64)
where
    Ours: Message + Generate + PartialEq + Debug,
    Theirs: TheirMessage + Decodable + Encodable,
{
    let known = |version: &i16| (Theirs::VERSIONS.min..=Theirs::VERSIONS.max).contains(version);
    for version in Ours::API.versions().iter().filter(known) {
        let context = format!("{} {:?} version {version} seed {seed}", Ours::API, Ours::DIRECTION);
        let ours: Ours = random(seed, version);
        let bytes = encode(&ours, version);
        let mut unread = bytes.clone();
        let theirs = Theirs::decode(&mut unread, version).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert!(unread.is_empty(), "{context}: they leave {} bytes", unread.len());
        let mut returned = BytesMut::new();
        theirs.encode(&mut returned, version).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert_eq!(bytes, returned.freeze(), "{context}: {ours:?}");
        assert_eq!(decode::<Ours>(bytes, version), Ok(ours), "{context}");
    }
}

/// A message read at one version and written at another has the defaults of the fields that the first version lacks.
/// Theirs refuses to write a value that has fields which the second one lacks; ours leaves them out. Ours refuses to
/// write null where the second one has no null; theirs writes it.
fn agree_on_defaults<Ours, Theirs>(seed: u64)
where
    Ours: Message + Generate + Default,
    Theirs: TheirMessage + Decodable + Encodable + Default,
{
    let known = |version: &i16| (Theirs::VERSIONS.min..=Theirs::VERSIONS.max).contains(version);
    for from in Ours::API.versions().iter().filter(known) {
        let ours: Ours = random(seed, from);
        let theirs = Theirs::decode(&mut encode(&ours, from), from).unwrap();
        for to in Ours::API.versions().iter().filter(known) {
            for (ours, theirs) in [(&ours, &theirs), (&Ours::default(), &Theirs::default())] {
                let mut written = Writer::new();
                let mut expected = BytesMut::new();
                if ours.encode(&mut written, to).is_ok() && theirs.encode(&mut expected, to).is_ok() {
                    let context = format!("{} {:?} from {from} to {to} seed {seed}", Ours::API, Ours::DIRECTION);
                    assert_eq!(written.into_bytes(), expected.freeze(), "{context}");
                }
            }
        }
    }
}

macro_rules! agreement {
    ($($module:ident: $request:ident, $response:ident;)*) => {
        $(mod $module {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(48))]

                #[test]
                fn agrees_with_an_independent_codec(seed: u64) {
                    agree::<crate::messages::$module::$request, kafka_protocol::messages::$request>(seed);
                    agree::<crate::messages::$module::$response, kafka_protocol::messages::$response>(seed);
                }

                #[test]
                fn agrees_on_the_defaults_of_fields_that_a_version_lacks(seed: u64) {
                    agree_on_defaults::<crate::messages::$module::$request, kafka_protocol::messages::$request>(seed);
                    agree_on_defaults::<crate::messages::$module::$response, kafka_protocol::messages::$response>(seed);
                }
            }
        })*
    };
}
crate::messages::for_each_api!(agreement);

/// The few versions that the independent codec lacks; golden bytes test those.
#[test]
fn versions_without_an_independent_codec_are_known() {
    let mut lonely = Vec::new();
    macro_rules! missing {
        ($($module:ident: $request:ident, $response:ident;)*) => {
            $(
                missing!(@one $module $request);
                missing!(@one $module $response);
            )*
        };
        (@one $module:ident $message:ident) => {
            let theirs = <kafka_protocol::messages::$message as TheirMessage>::VERSIONS;
            for version in <crate::messages::$module::$message as Message>::API.versions().iter() {
                if !(theirs.min..=theirs.max).contains(&version) {
                    lonely.push((stringify!($message), version));
                }
            }
        };
    }
    crate::messages::for_each_api!(missing);
    let expected = [
        ("DescribeLogDirsRequest", 5),
        ("DescribeLogDirsResponse", 5),
        ("ListOffsetsRequest", 11),
        ("ListOffsetsResponse", 11),
        ("OffsetCommitRequest", 10),
        ("OffsetFetchRequest", 10),
        // As the schema in the classes of Kafka 4.3 has it.
        ("WriteTxnMarkersRequest", 2),
        ("WriteTxnMarkersResponse", 2),
    ];
    assert_eq!(lonely, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_version_returns_what_it_was_given(seed: u64) {
        for (subject, version) in super::each_version() {
            let bytes = (subject.random)(seed, version);
            let returned = (subject.reencode)(bytes.clone(), version);
            prop_assert_eq!(returned, Ok(bytes), "{} version {}", subject.name, version);
        }
    }
}
