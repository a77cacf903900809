//! The elements of an encoding, read strictly as DER and without copying.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use super::Violation;

pub(super) const CONTEXT_0: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber::N0 };
pub(super) const CONTEXT_1: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber::N1 };
pub(super) const CONTEXT_4: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber::N4 };

/// One element of the encoding: its tag, its content octets and all of it.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    pub(super) value: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    pub(super) fn of_tag(self, tag: Tag, otherwise: Violation) -> Result<Self, Violation> {
        if self.tag == tag { Ok(self) } else { Err(otherwise) }
    }

    pub(super) fn fields(self) -> Result<Fields<'a>, Violation> {
        Fields::of(self.value)
    }

    /// The members of a SET OF, which DER orders by their encodings; a doubled member is not in order either.
    pub(super) fn members(self) -> Result<Vec<Element<'a>>, Violation> {
        let mut fields = self.fields()?;
        let mut members: Vec<Element<'a>> = Vec::new();
        while !fields.is_finished() {
            let member = fields.any()?;
            if members.last().is_some_and(|last| last.whole >= member.whole) {
                return Err("a set is not in the order of DER");
            }
            members.push(member);
        }
        Ok(members)
    }
}

/// Reads elements one after another.
pub(super) struct Fields<'a>(SliceReader<'a>);

impl<'a> Fields<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Violation> {
        SliceReader::new(bytes).map(Self).map_err(|_| NOT_DER)
    }

    /// The fields of the one element that `bytes` are.
    pub(super) fn of_single(bytes: &'a [u8], tag: Tag, otherwise: Violation) -> Result<Self, Violation> {
        let mut outer = Self::of(bytes)?;
        let inner = outer.next(tag, otherwise)?.fields()?;
        outer.end(otherwise)?;
        Ok(inner)
    }

    pub(super) fn any(&mut self) -> Result<Element<'a>, Violation> {
        let whole = self.0.tlv_bytes().map_err(|_| NOT_DER)?;
        let element = AnyRef::from_der(whole).map_err(|_| NOT_DER)?;
        Ok(Element { tag: element.tag(), value: element.value(), whole })
    }

    pub(super) fn next(&mut self, tag: Tag, otherwise: Violation) -> Result<Element<'a>, Violation> {
        if self.is_finished() { Err(otherwise) } else { self.any()?.of_tag(tag, otherwise) }
    }

    pub(super) fn peek(&self) -> Option<Tag> {
        self.0.peek_tag().ok()
    }

    pub(super) fn any_identifier(&mut self) -> Result<ObjectIdentifier, Violation> {
        let element = self.next(Tag::ObjectIdentifier, "an object identifier is missing")?;
        ObjectIdentifier::from_der(element.whole).map_err(|_| NOT_DER)
    }

    pub(super) fn identifier(
        &mut self,
        expected: ObjectIdentifier,
        otherwise: Violation,
    ) -> Result<(), Violation> {
        if self.any_identifier()? == expected { Ok(()) } else { Err(otherwise) }
    }

    pub(super) fn version_1(&mut self) -> Result<(), Violation> {
        let version = self.next(Tag::Integer, "a version is missing")?;
        if version.value == [1] { Ok(()) } else { Err("a version other than 1") }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    pub(super) fn end(self, otherwise: Violation) -> Result<(), Violation> {
        if self.is_finished() { Ok(()) } else { Err(otherwise) }
    }
}

const NOT_DER: Violation = "it is not DER";
