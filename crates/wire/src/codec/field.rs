//! Version ranges, and the versions in which a field is present, nullable or tagged.

use super::{DecodeError, EncodeError, Layout, Reader, Wire, Writer};

/// An inclusive range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Versions {
    /// The first version.
    pub min: i16,
    /// The last version, included.
    pub max: i16,
}

impl Versions {
    pub(crate) const ALL: Self = Self { min: 0, max: i16::MAX };
    pub(crate) const NONE: Self = Self { min: 0, max: -1 };

    /// The versions from `min` to `max`, both included.
    pub const fn new(min: i16, max: i16) -> Self {
        Self { min, max }
    }

    /// Whether `version` is in the range.
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// All versions, ascending.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i16> {
        self.min..=self.max
    }
}

/// The declaration of a field besides its name and type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldSpec {
    /// Versions that have the field.
    pub present: Versions,
    /// Versions in which it may be null.
    pub nullable: Versions,
    /// Its tag, if it is a tagged field.
    pub tag: Option<u32>,
}

impl FieldSpec {
    pub(crate) const PLAIN: Self = Self { present: Versions::ALL, nullable: Versions::NONE, tag: None };

    /// Whether the field has a fixed position in this version, outside the tagged section.
    pub(crate) const fn is_positional(&self, version: i16) -> bool {
        self.tag.is_none() && self.present.contains(version)
    }

    /// The field's tag in versions that have it in the tagged section.
    pub(crate) const fn tag_in(&self, version: i16) -> Option<u32> {
        if self.present.contains(version) { self.tag } else { None }
    }

    pub(crate) fn read<T: Wire>(
        &self,
        reader: &mut Reader,
        layout: Layout,
        field: &'static str,
    ) -> Result<T, DecodeError> {
        let value = T::read(reader, layout)?;
        if value.is_null() && !self.nullable.contains(layout.version) {
            return Err(DecodeError::NullField { field, version: layout.version });
        }
        Ok(value)
    }

    pub(crate) fn write<T: Wire>(
        &self,
        value: &T,
        writer: &mut Writer,
        layout: Layout,
        field: &'static str,
    ) -> Result<(), EncodeError> {
        if value.is_null() && !self.nullable.contains(layout.version) {
            return Err(EncodeError::NullField { field, version: layout.version });
        }
        value.write(writer, layout)
    }
}

/// The tagged section at the end of a struct, while it is being collected: each field is preceded by its size.
#[derive(Default)]
pub(crate) struct TaggedFields(Vec<(u32, Writer)>);

impl TaggedFields {
    pub(crate) fn push(&mut self, tag: u32, field: Writer) {
        self.0.push((tag, field));
    }

    /// Writes the section in ascending order of tags, as the protocol requires.
    pub(crate) fn write(mut self, writer: &mut Writer) -> Result<(), EncodeError> {
        self.0.sort_by_key(|(tag, _)| *tag);
        writer.put_unsigned_varint(length(self.0.len())?);
        for (tag, field) in self.0 {
            writer.put_unsigned_varint(tag);
            writer.put_unsigned_varint(length(field.len())?);
            writer.append(field);
        }
        Ok(())
    }
}

fn length(length: usize) -> Result<u32, EncodeError> {
    u32::try_from(length).map_err(|_| EncodeError::TooLong(length))
}
