//! `messages!`: one declaration, from which a message's struct, defaults, decoding and encoding derive.
//!
//! ```text
//! messages! {
//!     request FooRequest of Foo {                     // or `response`; a `struct` is used inside them
//!         name: String,                               // in every version
//!         cursor: Option<String> [in 3.., null 4..],  // from version 3, null allowed from 4 (`null ..`: always)
//!         old: bool [in ..=2],                        // until version 2
//!         limit: i32 [in 2..=5] = -1,                 // a default other than zero, false, empty or None
//!         epoch: i64 [in 3.., tag 0] = -1,            // in the tagged section; left out when it is the default
//!     }
//! }
//! ```
//! A field that a version does not have is skipped when encoding, whatever its value, and has its default after
//! decoding. So handlers fill in everything they know, and the requested version takes what it has fields for. Unknown
//! tagged fields are skipped when decoding.

macro_rules! messages {
    ($(
        $(#[$meta:meta])*
        $kind:ident $name:ident $(of $api:ident)? {
            $($(#[$field_meta:meta])* $field:ident: $type:ty $([$($spec:tt)*])? $(= $default:expr)?,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $crate::codec::field_default!($($default)?),)* }
            }
        }

        impl $crate::codec::Wire for $name {
            fn read(
                reader: &mut $crate::codec::Reader,
                layout: $crate::codec::Layout,
            ) -> Result<Self, $crate::codec::DecodeError> {
                let mut value = Self::default();
                $({
                    const SPEC: $crate::codec::FieldSpec = $crate::codec::field_spec!($($($spec)*)?);
                    if SPEC.is_positional(layout.version) {
                        value.$field = SPEC.read(reader, layout, stringify!($field))?;
                    }
                })*
                if layout.flexible {
                    reader.tagged_fields(|reader, tag| {
                        $({
                            const SPEC: $crate::codec::FieldSpec = $crate::codec::field_spec!($($($spec)*)?);
                            if SPEC.tag_in(layout.version) == Some(tag) {
                                value.$field = SPEC.read(reader, layout, stringify!($field))?;
                                return Ok(true);
                            }
                        })*
                        Ok(false)
                    })?;
                }
                Ok(value)
            }

            fn write(
                &self,
                writer: &mut $crate::codec::Writer,
                layout: $crate::codec::Layout,
            ) -> Result<(), $crate::codec::EncodeError> {
                $({
                    const SPEC: $crate::codec::FieldSpec = $crate::codec::field_spec!($($($spec)*)?);
                    if SPEC.is_positional(layout.version) {
                        SPEC.write(&self.$field, writer, layout, stringify!($field))?;
                    }
                })*
                if layout.flexible {
                    let mut tagged = $crate::codec::TaggedFields::default();
                    $({
                        const SPEC: $crate::codec::FieldSpec = $crate::codec::field_spec!($($($spec)*)?);
                        let default: $type = $crate::codec::field_default!($($default)?);
                        if let Some(tag) = SPEC.tag_in(layout.version) && self.$field != default {
                            let mut field = $crate::codec::Writer::new();
                            SPEC.write(&self.$field, &mut field, layout, stringify!($field))?;
                            tagged.push(tag, field);
                        }
                    })*
                    tagged.write(writer)?;
                }
                Ok(())
            }

            fn first_error(&self) -> $crate::ErrorCode {
                $({
                    let error = $crate::codec::Wire::first_error(&self.$field);
                    if !error.is_none() {
                        return error;
                    }
                })*
                $crate::ErrorCode::NONE
            }
        }

        impl $crate::codec::Nullable for $name {
            fn read_nullable(
                reader: &mut $crate::codec::Reader,
                layout: $crate::codec::Layout,
            ) -> Result<Option<Self>, $crate::codec::DecodeError> {
                match reader.i8()? {
                    ..0 => Ok(None),
                    0.. => <Self as $crate::codec::Wire>::read(reader, layout).map(Some),
                }
            }

            fn write_nullable(
                value: Option<&Self>,
                writer: &mut $crate::codec::Writer,
                layout: $crate::codec::Layout,
            ) -> Result<(), $crate::codec::EncodeError> {
                match value {
                    None => writer.put(&(-1i8).to_be_bytes()),
                    Some(value) => {
                        writer.put(&1i8.to_be_bytes());
                        $crate::codec::Wire::write(value, writer, layout)?;
                    }
                }
                Ok(())
            }
        }

        #[cfg(test)]
        impl $crate::codec::generate::Generate for $name {
            fn generate(source: &mut $crate::codec::generate::Source, layout: $crate::codec::Layout) -> Self {
                let mut value = Self::default();
                $({
                    const SPEC: $crate::codec::FieldSpec = $crate::codec::field_spec!($($($spec)*)?);
                    if SPEC.present.contains(layout.version) {
                        value.$field = source.field(&SPEC, layout);
                    }
                })*
                value
            }
        }

        $crate::codec::messages!(@$kind $name $($api)?);
    )*};

    (@struct $name:ident) => {};
    (@request $name:ident $api:ident) => {
        $crate::codec::messages!(@message $name $api Request);
    };
    (@response $name:ident $api:ident) => {
        $crate::codec::messages!(@message $name $api Response);
    };
    (@message $name:ident $api:ident $direction:ident) => {
        impl $crate::Message for $name {
            const API: $crate::ApiKey = $crate::ApiKey::$api;
            const DIRECTION: $crate::Direction = $crate::Direction::$direction;

            fn decode(
                reader: &mut $crate::codec::Reader,
                version: i16,
            ) -> Result<Self, $crate::codec::DecodeError> {
                let api = $crate::ApiKey::$api;
                let layout = api
                    .layout(version)
                    .ok_or($crate::codec::DecodeError::UnsupportedVersion { api: api.name(), version })?;
                <Self as $crate::codec::Wire>::read(reader, layout)
            }

            fn encode(
                &self,
                writer: &mut $crate::codec::Writer,
                version: i16,
            ) -> Result<(), $crate::codec::EncodeError> {
                let api = $crate::ApiKey::$api;
                let layout = api
                    .layout(version)
                    .ok_or($crate::codec::EncodeError::UnsupportedVersion { api: api.name(), version })?;
                $crate::codec::Wire::write(self, writer, layout)
            }

            fn first_error(&self) -> $crate::ErrorCode {
                $crate::codec::Wire::first_error(self)
            }
        }
    };
}

/// The default that a field's declaration states, or that of its type.
macro_rules! field_default {
    () => {
        Default::default()
    };
    ($default:expr) => {
        $default
    };
}

/// Turns the bracketed part of a field's declaration into a [`FieldSpec`](super::FieldSpec).
macro_rules! field_spec {
    () => {
        $crate::codec::FieldSpec::PLAIN
    };
    (in $min:literal .. $(, $($rest:tt)*)?) => {
        $crate::codec::field_spec!(@present $min, i16::MAX, $($($rest)*)?)
    };
    (in $min:literal ..= $max:literal $(, $($rest:tt)*)?) => {
        $crate::codec::field_spec!(@present $min, $max, $($($rest)*)?)
    };
    (in ..= $max:literal $(, $($rest:tt)*)?) => {
        $crate::codec::field_spec!(@present 0, $max, $($($rest)*)?)
    };
    (null .. $(, $($rest:tt)*)?) => {
        $crate::codec::field_spec!(@nullable 0, i16::MAX, $($($rest)*)?)
    };
    (null $min:literal .. $(, $($rest:tt)*)?) => {
        $crate::codec::field_spec!(@nullable $min, i16::MAX, $($($rest)*)?)
    };
    (tag $tag:literal $(, $($rest:tt)*)?) => {
        $crate::codec::FieldSpec { tag: Some($tag), ..$crate::codec::field_spec!($($($rest)*)?) }
    };
    (@present $min:expr, $max:expr, $($rest:tt)*) => {
        $crate::codec::FieldSpec {
            present: $crate::codec::Versions::new($min, $max),
            ..$crate::codec::field_spec!($($rest)*)
        }
    };
    (@nullable $min:expr, $max:expr, $($rest:tt)*) => {
        $crate::codec::FieldSpec {
            nullable: $crate::codec::Versions::new($min, $max),
            ..$crate::codec::field_spec!($($rest)*)
        }
    };
}

pub(crate) use {field_default, field_spec, messages};
