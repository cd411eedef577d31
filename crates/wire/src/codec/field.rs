//! In which versions a field is present, and how.

use super::{DecodeError, EncodeError, Layout, Reader, Wire, Writer};

/// An inclusive range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Versions {
    pub min: i16,
    pub max: i16,
}

impl Versions {
    pub(crate) const ALL: Self = Self { min: 0, max: i16::MAX };
    pub(crate) const NONE: Self = Self { min: 0, max: -1 };

    pub const fn new(min: i16, max: i16) -> Self {
        Self { min, max }
    }

    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = i16> {
        self.min..=self.max
    }
}

/// What the declaration of a field says beside its name and type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldSpec {
    pub present: Versions,
    pub nullable: Versions,
    pub tag: Option<u32>,
}

impl FieldSpec {
    pub(crate) const PLAIN: Self = Self { present: Versions::ALL, nullable: Versions::NONE, tag: None };

    /// Whether the field has a fixed place among its neighbours.
    pub(crate) const fn is_positional(&self, version: i16) -> bool {
        self.tag.is_none() && self.present.contains(version)
    }

    /// The field's tag, in versions where it travels in the tagged section.
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

    /// Writes the section in ascending order of tags, as the protocol demands.
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
