//! `TSTInfo` (RFC 3161 §2.4.2): what a timestamp token says. The token itself is SignedData.

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::Integer;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::Time;
use crate::asn1::time::TimeForm;

/// `TSTInfo` (RFC 3161 §2.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TstInfo<'a> {
    /// 1; others are read too.
    pub version: u64,
    /// The authority's policy.
    pub policy: Oid<'a>,
    /// The imprint's digest algorithm.
    pub imprint_algorithm: AlgorithmIdentifier<'a>,
    /// The digest of what was stamped: for a signature, of its value.
    pub imprint: Cow<'a, [u8]>,
    /// The token's number, unique for the authority.
    pub serial: Integer<'a>,
    /// When. A fraction of a second is dropped and gives [`TimeForm::Deviating`], though this standard allows it.
    pub time: (Time, TimeForm),
    /// How far the time may be off.
    pub accuracy: Option<Accuracy>,
    /// Tokens of this authority are in order of time whatever the accuracy.
    pub ordering: bool,
    /// The requester's nonce.
    pub nonce: Option<Integer<'a>>,
    /// The authority's `GeneralName` element.
    pub tsa: Option<&'a [u8]>,
    /// The `Extensions` element, under its IMPLICIT tag.
    pub extensions: Option<&'a [u8]>,
}

/// `Accuracy` (RFC 3161 §2.4.2): the parts add up; those that are missing are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accuracy {
    /// Whole seconds.
    pub seconds: u64,
    /// Milliseconds, 1 to 999.
    pub millis: u64,
    /// Microseconds, 1 to 999.
    pub micros: u64,
}

impl<'a> TstInfo<'a> {
    /// The content of a token.
    ///
    /// # Errors
    /// Where `content` is not one `TSTInfo`.
    pub fn read(content: &'a [u8]) -> Result<Self, BerError> {
        let mut r = Reader::new(content);
        let info = r.sequence(Self::read_fields)?;
        r.finish()?;
        Ok(info)
    }

    fn read_fields(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let version = r.small_integer()?;
        let policy = r.oid()?;
        let (imprint_algorithm, imprint) =
            r.sequence(|r| Ok((AlgorithmIdentifier::read(r)?, r.octet_string()?.bytes()?)))?;
        Ok(Self {
            version,
            policy,
            imprint_algorithm,
            imprint,
            serial: r.integer()?,
            time: r.expect(Tag::GENERALIZED_TIME)?.as_time()?,
            accuracy: if r.peek() == Some(Tag::SEQUENCE) {
                Some(r.sequence(Accuracy::read_fields)?)
            } else {
                None
            },
            ordering: if r.peek() == Some(Tag::BOOLEAN) {
                r.boolean()?
            } else {
                false
            },
            nonce: if r.peek() == Some(Tag::INTEGER) {
                Some(r.integer()?)
            } else {
                None
            },
            tsa: match r.optional(Tag::context_constructed(0))? {
                Some(explicit) => {
                    let mut inside = explicit.reader()?;
                    let name = inside.element()?;
                    inside.finish()?;
                    Some(name.raw)
                }
                None => None,
            },
            extensions: r
                .optional(Tag::context_constructed(1))?
                .map(|element| element.raw),
        })
    }
}

impl Accuracy {
    fn read_fields(r: &mut Reader<'_>) -> Result<Self, BerError> {
        let seconds = if r.peek() == Some(Tag::INTEGER) {
            r.small_integer()?
        } else {
            0
        };
        let part = |r: &mut Reader<'_>, number| match r.optional(Tag::context(number))? {
            None => Ok(0),
            Some(element) => element
                .as_integer()?
                .to_u64()
                .ok_or_else(|| element.error(BerErrorKind::Value)),
        };
        Ok(Self {
            seconds,
            millis: part(r, 0)?,
            micros: part(r, 1)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::oid;
    use crate::cms::build;

    fn full() -> TstInfo<'static> {
        TstInfo {
            version: 1,
            policy: oid::ANY_POLICY,
            imprint_algorithm: AlgorithmIdentifier {
                oid: oid::SHA256,
                parameters: Some(&[5, 0]),
            },
            imprint: Cow::Borrowed(&[7; 32]),
            serial: Integer(&[0, 0xff]),
            time: (Time::from_unix(1_700_000_000).unwrap(), TimeForm::Der),
            accuracy: Some(Accuracy {
                seconds: 1,
                millis: 500,
                micros: 0,
            }),
            ordering: true,
            nonce: Some(Integer(&[1, 2, 3, 4, 5, 6, 7, 8, 9])),
            tsa: Some(&[0xa4, 2, 0x30, 0]),
            extensions: Some(&[0xa1, 0]),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bare = TstInfo {
            accuracy: None,
            ordering: false,
            nonce: None,
            tsa: None,
            extensions: None,
            ..full()
        };
        for info in [full(), bare] {
            let der = build::timestamp::tst_info(&info);
            assert_eq!(TstInfo::read(&der), Ok(info));
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_dropped_and_named() {
        let mut der = build::timestamp::tst_info(&TstInfo {
            extensions: None,
            tsa: None,
            ..full()
        });
        let at = der.windows(2).position(|w| w == [0x18, 15]).unwrap();
        der[at + 1] += 3;
        der[1] += 3;
        der.splice(at + 16..at + 16, *b".25");
        let (time, form) = TstInfo::read(&der).unwrap().time;
        assert_eq!((time, form), (full().time.0, TimeForm::Deviating));
    }

    #[test]
    fn anything_else_is_refused() {
        let der = build::timestamp::tst_info(&full());
        for end in 0..der.len() {
            assert!(TstInfo::read(&der[..end]).is_err());
        }
        assert!(TstInfo::read(&[&der[..], &[0]].concat()).is_err());
    }
}
