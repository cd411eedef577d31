//! Tests of all messages at all versions.

mod allocation;
mod differential;
mod golden;
mod hostile;

use bytes::Bytes;

use crate::codec::generate::{Generate, Source};
use crate::codec::{DecodeError, Reader, Writer};
use crate::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use crate::{ApiKey, Direction, ErrorCode, Message};

/// The operations of the tests on one message type.
struct Subject {
    name: &'static str,
    api: ApiKey,
    direction: Direction,
    /// Decodes a whole frame, and encodes the message if that succeeds.
    reencode: fn(Bytes, i16) -> Result<Bytes, DecodeError>,
    /// Encodes a random value.
    random: fn(u64, i16) -> Bytes,
    /// Encodes the default value: every array is empty.
    blank: fn(i16) -> Bytes,
}

impl Subject {
    const fn of<M: Message + Generate + Default>(name: &'static str) -> Self {
        Self {
            name,
            api: M::API,
            direction: M::DIRECTION,
            reencode: reencode::<M>,
            random: random_bytes::<M>,
            blank: blank_bytes::<M>,
        }
    }
}

macro_rules! subjects {
    ($($module:ident: $request:ident, $response:ident;)*) => {
        const SUBJECTS: &[Subject] = &[$(
            Subject::of::<super::$module::$request>(stringify!($request)),
            Subject::of::<super::$module::$response>(stringify!($response)),
        )*];
    };
}
super::for_each_api!(subjects);

/// Every message at every version.
fn each_version() -> impl Iterator<Item = (&'static Subject, i16)> {
    SUBJECTS.iter().flat_map(|subject| subject.api.versions().iter().map(move |version| (subject, version)))
}

fn random<M: Message + Generate>(seed: u64, version: i16) -> M {
    let layout = M::API.layout(version).unwrap();
    M::generate(&mut Source::new(seed), layout)
}

fn random_bytes<M: Message + Generate>(seed: u64, version: i16) -> Bytes {
    encode(&random::<M>(seed, version), version)
}

fn blank_bytes<M: Message + Default>(version: i16) -> Bytes {
    encode(&M::default(), version)
}

fn encode<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    writer.into_bytes()
}

fn decode<M: Message>(frame: Bytes, version: i16) -> Result<M, DecodeError> {
    let mut reader = Reader::new(frame);
    let message = M::decode(&mut reader, version)?;
    reader.finish()?;
    Ok(message)
}

fn reencode<M: Message>(frame: Bytes, version: i16) -> Result<Bytes, DecodeError> {
    decode::<M>(frame, version).map(|message| encode(&message, version))
}

#[test]
fn every_api_has_a_request_and_a_response() {
    for api in ApiKey::ALL {
        let directions: Vec<_> = SUBJECTS.iter().filter(|s| s.api == *api).map(|s| s.direction).collect();
        assert_eq!(directions, [Direction::Request, Direction::Response], "{api}");
    }
}

#[test]
fn the_first_error_of_a_message_is_found_wherever_it_is() {
    let partition = |error_code| PartitionData { error_code, ..Default::default() };
    let codes = [ErrorCode::NONE, ErrorCode::OFFSET_OUT_OF_RANGE, ErrorCode::UNKNOWN_TOPIC_ID];
    let topic = FetchableTopicResponse { partitions: codes.map(partition).into(), ..Default::default() };
    let mut response = FetchResponse { responses: vec![topic], ..Default::default() };
    assert_eq!(response.first_error(), ErrorCode::OFFSET_OUT_OF_RANGE);
    response.error_code = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
    assert_eq!(response.first_error(), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
    assert_eq!(FetchResponse::default().first_error(), ErrorCode::NONE);
}
