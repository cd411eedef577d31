//! The types that a field may have, and their encoding.

use bytes::Bytes;
use uuid::Uuid;

use super::{DecodeError, EncodeError, Reader, RecordsField, Writer};
use crate::error_code::ErrorCode;

/// Bytes of the longest string. Flexible versions could carry longer ones, but Kafka rejects them.
const STRING_BYTES_MAX: usize = i16::MAX as usize;

/// The layout of a value: it depends on the message's version, and on whether that version is flexible (compact
/// lengths, tagged fields; KIP-482).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The message's version.
    pub version: i16,
    /// Whether it has compact lengths and tagged fields.
    pub flexible: bool,
}

/// A type that a field of a message may have.
pub(crate) trait Wire: Sized {
    fn read(reader: &mut Reader, layout: Layout) -> Result<Self, DecodeError>;
    fn write(&self, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError>;

    fn is_null(&self) -> bool {
        false
    }

    /// The first error code in it that is not `NONE`; `NONE` if there is none.
    fn first_error(&self) -> ErrorCode {
        ErrorCode::NONE
    }
}

/// A type whose encoding has a null, so that `Option` of it is a field type too.
pub(crate) trait Nullable: Wire {
    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError>;
    fn write_nullable(value: Option<&Self>, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError>;
}

impl<T: Nullable> Wire for Option<T> {
    fn read(reader: &mut Reader, layout: Layout) -> Result<Self, DecodeError> {
        T::read_nullable(reader, layout)
    }

    fn write(&self, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
        T::write_nullable(self.as_ref(), writer, layout)
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }

    fn first_error(&self) -> ErrorCode {
        self.as_ref().map_or(ErrorCode::NONE, T::first_error)
    }
}

macro_rules! fixed_width {
    ($($type:ty: $read:ident),* $(,)?) => {
        $(impl Wire for $type {
            fn read(reader: &mut Reader, _: Layout) -> Result<Self, DecodeError> {
                reader.$read()
            }

            fn write(&self, writer: &mut Writer, _: Layout) -> Result<(), EncodeError> {
                writer.put(&self.to_be_bytes());
                Ok(())
            }
        })*
    };
}
fixed_width!(i8: i8, i16: i16, i32: i32, i64: i64);

impl Wire for bool {
    fn read(reader: &mut Reader, _: Layout) -> Result<Self, DecodeError> {
        Ok(reader.i8()? != 0)
    }

    fn write(&self, writer: &mut Writer, _: Layout) -> Result<(), EncodeError> {
        writer.put(&[u8::from(*self)]);
        Ok(())
    }
}

impl Wire for ErrorCode {
    fn read(reader: &mut Reader, _: Layout) -> Result<Self, DecodeError> {
        reader.i16().map(Self)
    }

    fn write(&self, writer: &mut Writer, _: Layout) -> Result<(), EncodeError> {
        writer.put(&self.0.to_be_bytes());
        Ok(())
    }

    fn first_error(&self) -> ErrorCode {
        *self
    }
}

impl Wire for Uuid {
    fn read(reader: &mut Reader, _: Layout) -> Result<Self, DecodeError> {
        reader.uuid()
    }

    fn write(&self, writer: &mut Writer, _: Layout) -> Result<(), EncodeError> {
        writer.put(self.as_bytes());
        Ok(())
    }
}

/// Implements [`Wire`] for types whose length prefix also encodes null. They are never null themselves; their `Option`
/// may be.
macro_rules! length_prefixed {
    ($($type:ty),* $(,)?) => {
        $(impl Wire for $type {
            fn read(reader: &mut Reader, layout: Layout) -> Result<Self, DecodeError> {
                Self::read_nullable(reader, layout)?.ok_or(DecodeError::UnexpectedNull)
            }

            fn write(&self, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
                Self::write_nullable(Some(self), writer, layout)
            }
        })*
    };
}
length_prefixed!(String, Bytes, RecordsField);

impl<T: Wire> Wire for Vec<T> {
    fn read(reader: &mut Reader, layout: Layout) -> Result<Self, DecodeError> {
        Self::read_nullable(reader, layout)?.ok_or(DecodeError::UnexpectedNull)
    }

    fn write(&self, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
        Self::write_nullable(Some(self), writer, layout)
    }

    fn first_error(&self) -> ErrorCode {
        self.iter().map(T::first_error).find(|error| !error.is_none()).unwrap_or(ErrorCode::NONE)
    }
}

impl Nullable for String {
    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        match read_length(reader, layout, Prefix::Short)? {
            None => Ok(None),
            Some(length) if length > STRING_BYTES_MAX => Err(DecodeError::StringTooLong(length)),
            Some(length) => reader.string(length).map(Some),
        }
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
        write_length(value.map(String::len), writer, layout, Prefix::Short)?;
        if let Some(text) = value {
            writer.put(text.as_bytes());
        }
        Ok(())
    }
}

impl Nullable for Bytes {
    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        let length = read_length(reader, layout, Prefix::Long)?;
        length.map(|length| reader.bytes(length)).transpose()
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
        write_length(value.map(Self::len), writer, layout, Prefix::Long)?;
        if let Some(bytes) = value {
            writer.put_bytes(bytes);
        }
        Ok(())
    }
}

impl Nullable for RecordsField {
    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        Ok(Bytes::read_nullable(reader, layout)?.map(Self::from))
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
        write_length(value.map(Self::len), writer, layout, Prefix::Long)?;
        for part in value.map(Self::parts).unwrap_or_default() {
            writer.put_bytes(part);
        }
        Ok(())
    }
}

impl<T: Wire> Nullable for Vec<T> {
    fn read_nullable(reader: &mut Reader, layout: Layout) -> Result<Option<Self>, DecodeError> {
        let length = read_length(reader, layout, Prefix::Long)?;
        length.map(|length| reader.elements(length, |reader| T::read(reader, layout))).transpose()
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer, layout: Layout) -> Result<(), EncodeError> {
        write_length(value.map(Self::len), writer, layout, Prefix::Long)?;
        value.into_iter().flatten().try_for_each(|element| element.write(writer, layout))
    }
}

/// The width of a length prefix in versions that are not flexible: 16 bits for strings, 32 bits for bytes and arrays.
/// Flexible versions write length + 1 as a varint for all of them, and 0 for null.
#[derive(Clone, Copy)]
enum Prefix {
    Short,
    Long,
}

fn read_length(reader: &mut Reader, layout: Layout, prefix: Prefix) -> Result<Option<usize>, DecodeError> {
    if layout.flexible {
        return Ok((reader.unsigned_varint()? as usize).checked_sub(1));
    }
    let length = match prefix {
        Prefix::Short => i32::from(reader.i16()?),
        Prefix::Long => reader.i32()?,
    };
    match length {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| DecodeError::NegativeLength(length.into())),
    }
}

fn write_length(length: Option<usize>, writer: &mut Writer, layout: Layout, prefix: Prefix) -> Result<(), EncodeError> {
    let too_long = |_| EncodeError::TooLong(length.unwrap_or_default());
    match (layout.flexible, prefix) {
        // Kafka limits strings to 15 bits and everything else to 31 bits in flexible versions too.
        (true, Prefix::Short) => {
            let length = length.map(i16::try_from).transpose().map_err(too_long)?;
            writer.put_unsigned_varint(length.map_or(0, |length| u32::from(length.unsigned_abs()) + 1));
        }
        (true, Prefix::Long) => {
            let length = length.map(i32::try_from).transpose().map_err(too_long)?;
            writer.put_unsigned_varint(length.map_or(0, |length| length.unsigned_abs() + 1));
        }
        (false, Prefix::Short) => {
            let length = length.map_or(Ok(-1), i16::try_from).map_err(too_long)?;
            writer.put(&length.to_be_bytes());
        }
        (false, Prefix::Long) => {
            let length = length.map_or(Ok(-1), i32::try_from).map_err(too_long)?;
            writer.put(&length.to_be_bytes());
        }
    }
    Ok(())
}
