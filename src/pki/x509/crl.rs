//! `CertificateList` (RFC 5280 §5), owned, with an index by serial number.

use std::sync::Arc;

use crate::asn1::algorithm::AlgorithmIdentifier;
use crate::asn1::oid;
use crate::asn1::oid::Oid;
use crate::asn1::reader::{BerError, BerErrorKind, BitString, Element, Integer, Reader};
use crate::asn1::tag::Tag;
use crate::asn1::time::Time;
use crate::crypto::digest;
use crate::pki::x509::certificate::read_element;
use crate::pki::x509::extensions::{DistributionPointName, Extensions};
use crate::pki::x509::general_name::GeneralName;
use crate::pki::x509::name::{Name, NameKey};
pub use crate::pki::x509::reason::RevocationReason;

/// What an `IssuingDistributionPoint` (RFC 5280 §5.2.5) leaves of the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlScope {
    /// Only certificates with this distribution point; see [`Crl::distribution_point`].
    pub one_distribution_point: bool,
    /// Only end entities' certificates.
    pub only_users: bool,
    /// Only authorities' certificates.
    pub only_authorities: bool,
    /// Only attribute certificates, so none that this program sees.
    pub only_attributes: bool,
    /// Bits of the reasons that it covers (`ReasonFlags`, bit n as 2^n): who is not listed may be revoked for another.
    pub reasons: u16,
    /// Entries may be about certificates of other issuers.
    pub indirect: bool,
}

impl CrlScope {
    /// Every reason of `ReasonFlags` (RFC 5280 §4.2.1.13): bits 1 to 8.
    pub const ALL_REASONS: u16 = 0b1_1111_1110;
}

impl Default for CrlScope {
    fn default() -> Self {
        Self {
            one_distribution_point: false,
            only_users: false,
            only_authorities: false,
            only_attributes: false,
            reasons: Self::ALL_REASONS,
            indirect: false,
        }
    }
}

/// One entry (RFC 5280 §5.1.2.6, §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// `revocationDate`.
    pub revoked: Time,
    /// `reasonCode`; [`RevocationReason::Unspecified`] where there is none.
    pub reason: RevocationReason,
    /// `invalidityDate`: since when the key may have been somebody else's.
    pub invalid: Option<Time>,
}

impl CrlEntry {
    /// min(revocationDate, invalidityDate): from when the certificate counts as revoked.
    #[must_use]
    pub fn since(&self) -> Time {
        self.invalid
            .map_or(self.revoked, |invalid| invalid.min(self.revoked))
    }
}

/// A certificate revocation list. Reading takes time in proportion to its size, but for the sorting of one number for each entry, which
/// is a small part of it; a look-up is a binary search.
#[derive(Clone, Debug)]
pub struct Crl {
    der: Arc<[u8]>,
    sha256: [u8; 32],
    tbs: Span,
    issuer: Span,
    algorithm: Span,
    signature: Span,
    issuer_key: NameKey,
    this_update: Time,
    next_update: Option<Time>,
    number: Option<Vec<u8>>,
    base_number: Option<Vec<u8>>,
    authority_key: Option<Vec<u8>>,
    expired_since: Option<Time>,
    scope: CrlScope,
    distribution_point: Option<Span>,
    unhandled: bool,
    /// Sorted by [`key_of`] the serial number, then by its octets, then by place.
    entries: Vec<EntryPlace>,
    /// Each `certificateIssuer` (a `GeneralNames` extension's value), with the place of the first entry that it holds for: it holds for
    /// all up to the next (RFC 5280 §5.3.3). Before the first it is the CRL's issuer.
    certificate_issuers: Vec<(u32, Span)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of(element: &Element<'_>) -> Result<Self, BerError> {
        Self::new(element.at, element.raw.len()).ok_or(element.error(BerErrorKind::Length))
    }

    fn new(at: usize, length: usize) -> Option<Self> {
        Some(Self {
            start: u32::try_from(at).ok()?,
            end: u32::try_from(at.checked_add(length)?).ok()?,
        })
    }

    fn of_der(self, der: &[u8]) -> &[u8] {
        usize::try_from(self.start)
            .ok()
            .zip(usize::try_from(self.end).ok())
            .and_then(|(start, end)| der.get(start..end))
            .unwrap_or_default()
    }
}

/// Small, and with what sorting compares in itself: a million of them are sorted without a look at the list.
#[derive(Clone, Copy, Debug)]
struct EntryPlace {
    /// Of the serial number.
    key: u64,
    /// Where the entry begins.
    start: u32,
}

impl EntryPlace {
    fn bytes(self, der: &[u8]) -> &[u8] {
        let start = usize::try_from(self.start).ok();
        start.and_then(|start| der.get(start..)).unwrap_or_default()
    }

    /// Minimal octets.
    fn serial(self, der: &[u8]) -> &[u8] {
        let mut r = Reader::new(self.bytes(der));
        let entry = r.expect(Tag::SEQUENCE).and_then(|entry| entry.reader());
        let serial = entry.and_then(|mut inside| inside.integer());
        serial.map(Integer::minimal).unwrap_or_default()
    }
}

/// A number by which serial numbers are told apart without a look at their octets. Whoever makes two with the same one makes
/// sorting slower, and nothing else.
fn key_of(serial: &[u8]) -> u64 {
    serial.chunks(8).fold(0, |key: u64, chunk| {
        let word = chunk
            .iter()
            .fold(0, |word: u64, octet| word << 8 | u64::from(*octet));
        (key.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

impl Crl {
    /// `CertificateList`, the whole of `der`.
    ///
    /// An entry that can't be read, and a critical extension that is not known, make the CRL one that proves revocations
    /// but never that a certificate is good ([`Crl::is_base`]; RFC 5280 §5.2, §5.3).
    ///
    /// # Errors
    /// Where it is no SEQUENCE of what a CRL must have, or something stands behind it.
    pub fn read(der: impl Into<Arc<[u8]>>) -> Result<Self, BerError> {
        let der: Arc<[u8]> = der.into();
        let mut crl = Self::parse(&der)?;
        crl.sha256 = digest::sha256(&der);
        crl.entries.sort_unstable_by(|one, other| {
            let octets = || one.serial(&der).cmp(other.serial(&der));
            let order = one.key.cmp(&other.key);
            order.then_with(octets).then(one.start.cmp(&other.start))
        });
        crl.der = der;
        Ok(crl)
    }

    /// Whether [`Crl::read`] could read it. Takes no copy, and does not make it ready to be asked. Never fails.
    #[must_use]
    pub fn is_readable(der: &[u8]) -> bool {
        Self::parse(der).is_ok()
    }

    /// Everything but the digest, the order of the entries, and the octets themselves.
    fn parse(der: &[u8]) -> Result<Self, BerError> {
        let mut r = Reader::new(der);
        let crl = r.sequence(|r| {
            let tbs = r.expect(Tag::SEQUENCE)?;
            let algorithm = r.expect(Tag::SEQUENCE)?;
            let signature = r.expect(Tag::BIT_STRING)?;
            signature.as_bit_string()?;
            let mut crl = read_element(&tbs, Self::read_tbs)?;
            crl.tbs = Span::of(&tbs)?;
            crl.algorithm = Span::of(&algorithm)?;
            crl.signature = Span::of(&signature)?;
            Ok(crl)
        })?;
        r.finish()?;
        Ok(crl)
    }

    fn read_tbs(r: &mut Reader<'_>) -> Result<Self, BerError> {
        if r.peek() == Some(Tag::INTEGER) {
            r.integer()?;
        }
        r.expect(Tag::SEQUENCE)?;
        let issuer = r.expect(Tag::SEQUENCE)?;
        let (this_update, _) = r.time()?;
        let next_update = match r.peek() {
            Some(Tag::UTC_TIME | Tag::GENERALIZED_TIME) => Some(r.time()?.0),
            _ => None,
        };
        let nowhere = Span { start: 0, end: 0 };
        let mut crl = Self {
            sha256: [0; 32],
            der: Arc::default(),
            tbs: nowhere,
            issuer: Span::of(&issuer)?,
            algorithm: nowhere,
            signature: nowhere,
            issuer_key: Name::new(issuer.raw).key(),
            this_update,
            next_update,
            number: None,
            base_number: None,
            authority_key: None,
            expired_since: None,
            scope: CrlScope::default(),
            distribution_point: None,
            unhandled: false,
            entries: Vec::new(),
            certificate_issuers: Vec::new(),
        };
        if let Some(list) = r.optional(Tag::SEQUENCE)? {
            read_element(&list, |r| crl.read_entries(r))?;
        }
        if let Some(element) = r.optional(Tag::context_constructed(0))? {
            let mut inside = element.reader()?;
            let extensions = Extensions::read(&mut inside);
            inside.finish()?;
            crl.read_extensions(&extensions);
        }
        Ok(crl)
    }

    fn read_entries(&mut self, r: &mut Reader<'_>) -> Result<(), BerError> {
        while !r.is_empty() {
            let entry = r.expect(Tag::SEQUENCE)?;
            let mut inside = entry.reader()?;
            let serial = inside.integer()?.minimal();
            if inside.time().is_err() {
                self.unhandled = true;
                continue;
            }
            let start = Span::of(&entry)?.start;
            if !inside.is_empty() {
                let extensions = Extensions::read(&mut inside);
                self.unhandled |= extensions.end.is_err() || !inside.is_empty();
                match extensions.find(oid::CERTIFICATE_ISSUER) {
                    Ok(None) => {}
                    Ok(Some(extension)) => {
                        let names = Span::new(extension.at, extension.value.len());
                        let names = names.ok_or(entry.error(BerErrorKind::Length))?;
                        self.certificate_issuers.push((start, names));
                    }
                    Err(_) => self.unhandled = true,
                }
                self.unhandled |= has_unknown_critical(&extensions, ENTRY_HANDLED);
            }
            self.entries.push(EntryPlace {
                key: key_of(serial),
                start,
            });
        }
        Ok(())
    }

    fn read_extensions(&mut self, extensions: &Extensions<'_>) {
        self.unhandled |= extensions.end.is_err();
        self.unhandled |= has_unknown_critical(extensions, CRL_HANDLED);
        let integer = |oid| {
            extensions.value(oid, |r: &mut Reader<'_>| {
                Ok(r.integer()?.minimal().to_vec())
            })
        };
        match (integer(oid::CRL_NUMBER), integer(oid::DELTA_CRL_INDICATOR)) {
            (Ok(number), Ok(base)) => {
                self.number = number;
                self.base_number = base;
            }
            _ => self.unhandled = true,
        }
        match extensions.authority_key_identifier() {
            Ok(aki) => self.authority_key = aki.and_then(|aki| aki.key).map(<[u8]>::to_vec),
            Err(_) => self.unhandled = true,
        }
        match extensions.value(oid::EXPIRED_CERTS_ON_CRL, |r| Ok(r.time()?.0)) {
            Ok(since) => self.expired_since = since,
            Err(_) => self.unhandled = true,
        }
        match extensions.value(oid::ISSUING_DISTRIBUTION_POINT, read_scope) {
            Ok(None) => {}
            Ok(Some((scope, name))) => {
                self.scope = scope;
                self.distribution_point = name;
            }
            Err(_) => self.unhandled = true,
        }
    }

    /// All octets, as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of all octets.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// `tbsCertList`, all octets: what the signature is over.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        self.tbs.of_der(&self.der)
    }

    /// `signatureAlgorithm`.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn signature_algorithm(&self) -> Result<AlgorithmIdentifier<'_>, BerError> {
        AlgorithmIdentifier::read(&mut Reader::new(self.algorithm.of_der(&self.der)))
    }

    /// `signatureValue`.
    ///
    /// # Errors
    /// Never for a CRL that could be read.
    pub fn signature(&self) -> Result<BitString<'_>, BerError> {
        Reader::new(self.signature.of_der(&self.der)).bit_string()
    }

    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> Name<'_> {
        Name::new(self.issuer.of_der(&self.der))
    }

    /// What the issuer is looked up by.
    #[must_use]
    pub fn issuer_key(&self) -> NameKey {
        self.issuer_key
    }

    /// When it was issued.
    #[must_use]
    pub fn this_update(&self) -> Time {
        self.this_update
    }

    /// When the next one is due. RFC 5280 §5.1.2.5 demands it; without it nobody is good by this CRL.
    #[must_use]
    pub fn next_update(&self) -> Option<Time> {
        self.next_update
    }

    /// `cRLNumber`, minimal octets.
    #[must_use]
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }

    /// `BaseCRLNumber`, minimal octets: this is a delta CRL (RFC 5280 §5.2.4).
    #[must_use]
    pub fn base_number(&self) -> Option<&[u8]> {
        self.base_number.as_deref()
    }

    /// `authorityKeyIdentifier`'s key identifier.
    #[must_use]
    pub fn authority_key(&self) -> Option<&[u8]> {
        self.authority_key.as_deref()
    }

    /// `expiredCertsOnCRL` (X.509 §9.5.2.8): certificates that expired since then keep their entries.
    #[must_use]
    pub fn expired_since(&self) -> Option<Time> {
        self.expired_since
    }

    /// What the `issuingDistributionPoint` leaves of the scope.
    #[must_use]
    pub fn scope(&self) -> CrlScope {
        self.scope
    }

    /// The name of `issuingDistributionPoint`, where it has one that can be read.
    #[must_use]
    pub fn distribution_point(&self) -> Option<DistributionPointName<'_>> {
        let element = self.distribution_point?.of_der(&self.der);
        DistributionPointName::read(&mut Reader::new(element)).ok()
    }

    /// Everything in it was understood and it is no delta: who is in its scope and not listed is not revoked for the
    /// reasons that it covers.
    #[must_use]
    pub fn is_base(&self) -> bool {
        !self.unhandled && self.base_number.is_none()
    }

    /// It is not restricted to some reasons.
    #[must_use]
    pub fn covers_all_reasons(&self) -> bool {
        self.scope.reasons & CrlScope::ALL_REASONS == CrlScope::ALL_REASONS
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// There are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries for the certificate of `issuer` with this serial number, in the order written. Entries without a
    /// `certificateIssuer` are about certificates of the CRL's issuer.
    #[must_use]
    pub fn entries(&self, issuer: Name<'_>, serial: Integer<'_>) -> Vec<CrlEntry> {
        let wanted = serial.minimal();
        let wanted = (key_of(wanted), wanted);
        let of = |place: &EntryPlace| (place.key, place.serial(&self.der));
        let start = self.entries.partition_point(|place| of(place) < wanted);
        self.entries
            .iter()
            .skip(start)
            .take_while(|place| of(place) == wanted)
            .filter(|place| self.is_about(place, issuer))
            .filter_map(|place| read_entry(place.bytes(&self.der)).ok())
            .collect()
    }

    fn is_about(&self, place: &EntryPlace, issuer: Name<'_>) -> bool {
        let behind = self
            .certificate_issuers
            .partition_point(|(start, _)| *start <= place.start);
        let last = behind.checked_sub(1);
        let Some((_, names)) = last.and_then(|last| self.certificate_issuers.get(last)) else {
            return self.issuer().matches(issuer);
        };
        let mut r = Reader::new(names.of_der(&self.der));
        r.sequence(GeneralName::read_all).is_ok_and(|names| {
            names
                .iter()
                .any(|name| matches!(name, GeneralName::Directory(name) if name.matches(issuer)))
        })
    }
}

const CRL_HANDLED: &[Oid<'static>] = &[
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::ISSUER_ALT_NAME,
    oid::CRL_NUMBER,
    oid::DELTA_CRL_INDICATOR,
    oid::ISSUING_DISTRIBUTION_POINT,
    oid::EXPIRED_CERTS_ON_CRL,
];

const ENTRY_HANDLED: &[Oid<'static>] = &[
    oid::REASON_CODE,
    oid::INVALIDITY_DATE,
    oid::CERTIFICATE_ISSUER,
];

fn has_unknown_critical(extensions: &Extensions<'_>, known: &[Oid<'static>]) -> bool {
    extensions
        .list
        .iter()
        .any(|extension| extension.critical && !known.contains(&extension.oid))
}

/// One entry. A reason or an invalidity date that can't be read is not taken for an absent one: the reason is then
/// unknown, and the date is left out, which the revocation date bounds anyway.
fn read_entry(entry: &[u8]) -> Result<CrlEntry, BerError> {
    let mut r = Reader::new(entry).expect(Tag::SEQUENCE)?.reader()?;
    r.integer()?;
    let (revoked, _) = r.time()?;
    let extensions = if r.is_empty() {
        return Ok(CrlEntry {
            revoked,
            reason: RevocationReason::Unspecified,
            invalid: None,
        });
    } else {
        Extensions::read(&mut r)
    };
    let number = extensions.value(oid::REASON_CODE, |r| {
        r.expect(Tag::ENUMERATED)?.as_integer().map(Integer::to_u64)
    });
    let reason = match number {
        Ok(None) => RevocationReason::Unspecified,
        Ok(Some(Some(number))) => RevocationReason::from_number(number),
        Ok(Some(None)) | Err(_) => RevocationReason::Unknown,
    };
    let invalid = extensions
        .value(oid::INVALIDITY_DATE, |r| Ok(r.time()?.0))
        .unwrap_or(None);
    Ok(CrlEntry {
        revoked,
        reason,
        invalid,
    })
}

/// `IssuingDistributionPoint` (RFC 5280 §5.2.5), and where its name's CHOICE is.
fn read_scope(r: &mut Reader<'_>) -> Result<(CrlScope, Option<Span>), BerError> {
    r.sequence(|r| {
        let mut scope = CrlScope::default();
        let mut name = None;
        if let Some(element) = r.optional(Tag::context_constructed(0))? {
            let choice = read_element(&element, |r| r.element())?;
            scope.one_distribution_point = true;
            name = Some(Span::of(&choice)?);
        }
        let flag = |r: &mut Reader<'_>, number| match r.optional(Tag::context(number))? {
            Some(element) => match element.content {
                [value] => Ok(*value != 0),
                _ => Err(element.error(BerErrorKind::Value)),
            },
            None => Ok(false),
        };
        scope.only_users = flag(r, 1)?;
        scope.only_authorities = flag(r, 2)?;
        if let Some(element) = r.optional(Tag::context(3))? {
            let flags = element.as_bit_string()?;
            scope.reasons = (1..=8)
                .filter(|bit| flags.bit(*bit))
                .fold(0, |all, bit| all | 1 << bit);
        }
        scope.indirect = flag(r, 4)?;
        scope.only_attributes = flag(r, 5)?;
        Ok((scope, name))
    })
}
