//! `GeneralName` (RFC 5280 §4.2.1.6).

use crate::asn1::oid;
use crate::asn1::oid::Oid;
use crate::asn1::reader::{BerError, BerErrorKind, Reader};
use crate::asn1::tag::{Class, Tag};
use crate::pki::x509::name::Name;

/// One of the forms that a name may have. Texts are the octets as received.
#[derive(Clone, Copy, Debug)]
pub enum GeneralName<'a> {
    /// `[1]` an ASCII mailbox.
    Rfc822(&'a [u8]),
    /// `[0]` with id-on-SmtpUTF8Mailbox: a mailbox in UTF-8 (RFC 9598 §3).
    SmtpUtf8Mailbox(&'a [u8]),
    /// `[2]` a domain.
    Dns(&'a [u8]),
    /// `[4]` a distinguished name.
    Directory(Name<'a>),
    /// `[6]` a URI.
    Uri(&'a [u8]),
    /// `[7]` an address of 4 or 16 octets, in name constraints with a mask behind it.
    Ip(&'a [u8]),
    /// `[0]` with any other type.
    Other(Oid<'a>),
    /// `[3]`, `[5]` and `[8]`: X.400, EDI and registered identifiers, which no mail uses.
    Rare(u32),
}

impl<'a> GeneralName<'a> {
    /// `GeneralName`.
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let element = r.element()?;
        if element.tag.class != Class::Context {
            return Err(element.error(BerErrorKind::UnexpectedTag));
        }
        Ok(match element.tag.number {
            0 => {
                let mut inside = element.reader()?;
                let oid = inside.oid()?;
                let value = inside.nested(Tag::context_constructed(0), |r| r.element())?;
                inside.finish()?;
                if oid == oid::SMTP_UTF8_MAILBOX && value.tag == Tag::UTF8_STRING {
                    Self::SmtpUtf8Mailbox(value.content)
                } else {
                    Self::Other(oid)
                }
            }
            1 => Self::Rfc822(element.content),
            2 => Self::Dns(element.content),
            4 => {
                let mut inside = element.reader()?;
                let name = inside.raw(Tag::SEQUENCE)?;
                inside.finish()?;
                Self::Directory(Name::new(name))
            }
            6 => Self::Uri(element.content),
            7 => Self::Ip(element.content),
            number @ (3 | 5 | 8) => Self::Rare(number),
            _ => return Err(element.error(BerErrorKind::UnexpectedTag)),
        })
    }

    /// All names up to the end of the level.
    ///
    /// # Errors
    /// At the first element that is none.
    pub fn read_all(r: &mut Reader<'a>) -> Result<Vec<Self>, BerError> {
        let mut all = Vec::new();
        while !r.is_empty() {
            all.push(Self::read(r)?);
        }
        Ok(all)
    }

    /// The same form and the same name: distinguished names by RFC 5280 §7.1, all others octet by octet.
    #[must_use]
    pub fn matches(&self, other: &GeneralName<'_>) -> bool {
        match (self, other) {
            (Self::Rfc822(a), GeneralName::Rfc822(b))
            | (Self::SmtpUtf8Mailbox(a), GeneralName::SmtpUtf8Mailbox(b))
            | (Self::Dns(a), GeneralName::Dns(b))
            | (Self::Uri(a), GeneralName::Uri(b))
            | (Self::Ip(a), GeneralName::Ip(b)) => a == b,
            (Self::Directory(a), GeneralName::Directory(b)) => a.matches(*b),
            _ => false,
        }
    }
}
