//! What messages said of each certificate: a fixed number of bytes for each, whatever their number.

use std::collections::HashMap;

use crate::asn1::{Integer, Time};
use crate::facts::axis::Signature;
use crate::facts::harvest::{Named, Signer, SignerRole};
use crate::facts::record::Identifier;
use crate::jobs::harvest::texts::Texts;
use crate::limits::{HARVEST_STATEMENTS, HARVEST_TEXT_BYTES};
use crate::pki::pool::{CertificateId, Pool, PoolBuilder, issuer_serial_key, octets_key};
use crate::pki::x509::Name;
use crate::report::usage::{Role, Usage};

/// Where and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub archive: u32,
    pub offset: u64,
    /// Seconds since 1970, where the message claims a time.
    pub at: Option<i64>,
}

/// One certificate's. 72 bytes.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first_at: i64,
    last_at: i64,
    offset: u64,
    first_offset: u64,
    last_offset: u64,
    archive: u32,
    first_archive: u32,
    last_archive: u32,
    messages: u32,
    named: u32,
    signed: u32,
    /// One more than the number of its first statement; 0 for none.
    statements: u32,
    /// A bit for each of [`Role::ALL`], and [`MORE`].
    flags: u8,
}

/// A statement of its signers was left out.
const MORE: u8 = 0x80;

/// No time.
const NEVER: (i64, i64) = (i64::MAX, i64::MIN);

/// Something that signers said, in a list for each certificate.
#[derive(Clone, Copy, Debug)]
struct Statement {
    first_at: i64,
    last_at: i64,
    /// Kind and text.
    what: u32,
    signatures: u32,
    verified: u32,
    /// One more than the number of the next one; 0 for none.
    next: u32,
}

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A From address.
    From,
    /// SMIMECapabilities, its value.
    Capabilities,
    /// The preferred key; see [`preference`].
    Preference,
}

/// Whom messages name without carrying the certificate: eight octets of a digest, to find it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    IssuerSerial(u64),
    Ski(u64),
}

/// What was said of all certificates, by their numbers in the pool.
#[derive(Debug, Default)]
pub(super) struct Register {
    seen: Vec<Seen>,
    statements: Vec<Statement>,
    texts: Texts,
    elsewhere: HashMap<Key, Seen>,
    /// SignerInfos whose certificate nothing carries.
    pub signers_elsewhere: u64,
    /// Statements that were left out.
    pub left_out: u64,
}

/// A statement, read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'r> {
    pub subject: Subject,
    pub text: &'r [u8],
    pub signatures: u32,
    pub verified: u32,
    pub first: Option<Time>,
    pub last: Option<Time>,
}

impl Seen {
    fn new(sight: &Sight) -> Self {
        let (first_at, last_at) = NEVER;
        Self {
            first_at,
            last_at,
            offset: sight.offset,
            first_offset: 0,
            last_offset: 0,
            archive: sight.archive,
            first_archive: 0,
            last_archive: 0,
            messages: 0,
            named: 0,
            signed: 0,
            statements: 0,
            flags: 0,
        }
    }

    /// Sights come in archive order: of equal times the first counts for both.
    fn add(&mut self, sight: &Sight, role: Role) {
        self.flags |= bit(role);
        let Some(at) = sight.at else {
            return;
        };
        if at < self.first_at {
            self.first_at = at;
            (self.first_archive, self.first_offset) = (sight.archive, sight.offset);
        }
        if at > self.last_at {
            self.last_at = at;
            (self.last_archive, self.last_offset) = (sight.archive, sight.offset);
        }
    }

    /// Adds everything but the statements. Commutative.
    fn join(&mut self, other: &Self) {
        if (other.archive, other.offset) < (self.archive, self.offset) {
            (self.archive, self.offset) = (other.archive, other.offset);
        }
        let first = |seen: &Self| (seen.first_at, seen.first_archive, seen.first_offset);
        if first(other) < first(self) {
            (self.first_at, self.first_archive, self.first_offset) = first(other);
        }
        let is_later = other.last_at > self.last_at
            || (other.last_at == self.last_at
                && (other.last_archive, other.last_offset) < (self.last_archive, self.last_offset));
        if is_later {
            self.last_at = other.last_at;
            (self.last_archive, self.last_offset) = (other.last_archive, other.last_offset);
        }
        self.messages = self.messages.saturating_add(other.messages);
        self.named = self.named.saturating_add(other.named);
        self.signed = self.signed.saturating_add(other.signed);
        self.flags |= other.flags;
    }
}

impl Register {
    /// A message carries the certificate with this number; once for each message. Numbers come without gaps.
    pub fn carried(&mut self, id: CertificateId, sight: &Sight) {
        let Ok(index) = usize::try_from(id.0) else {
            return;
        };
        while self.seen.len() <= index {
            self.seen.push(Seen::new(sight));
        }
        if let Some(seen) = self.seen.get_mut(index) {
            seen.messages = seen.messages.saturating_add(1);
            seen.add(sight, Role::Carried);
        }
    }

    /// The certificate is the issuer of a signer's, by name.
    pub fn in_chain(&mut self, id: CertificateId, sight: &Sight) {
        if let Some(seen) = usize::try_from(id.0)
            .ok()
            .and_then(|index| self.seen.get_mut(index))
        {
            seen.add(sight, Role::Chain);
        }
    }

    /// Mail was encrypted to somebody.
    pub fn recipient(&mut self, identifier: &Identifier, sight: &Sight) {
        if let Some(key) = key(identifier) {
            let seen = self
                .elsewhere
                .entry(key)
                .or_insert_with(|| Seen::new(sight));
            seen.add(sight, Role::Recipient);
        }
    }

    /// Somebody signed; the pool has what the message carries. Gives the number of the certificate, where it does.
    pub fn signer(
        &mut self,
        signer: &Signer,
        pool: &PoolBuilder,
        sight: &Sight,
    ) -> Option<CertificateId> {
        let verified = signer.role == SignerRole::Signer && signer.signature == Signature::Valid;
        let role = match signer.role {
            SignerRole::Signer | SignerRole::Countersigner => Role::Signer,
            SignerRole::Timestamp => Role::Timestamp,
        };
        let (id, key) = match &signer.certificate {
            Named::Carried(sha256) => (pool.find(sha256), None),
            Named::Elsewhere(identifier) => (None, key(identifier)),
        };
        let place = match (id, key) {
            (Some(id), _) => self.seen.get_mut(usize::try_from(id.0).ok()?)?,
            (None, Some(key)) => self
                .elsewhere
                .entry(key)
                .or_insert_with(|| Seen::new(sight)),
            (None, None) => return None,
        };
        place.add(sight, role);
        if signer.role == SignerRole::Signer {
            place.named = place.named.saturating_add(1);
            place.signed = place.signed.saturating_add(u32::from(verified));
        }
        let mut seen = *place;
        let at = signer.at.map(Time::unix).or(sight.at);
        if signer.role == SignerRole::Signer {
            for from in signer.from.iter().filter(|from| !from.is_empty()) {
                self.say(&mut seen, Subject::From, from.as_bytes(), verified, at);
            }
        }
        if let Some(value) = &signer.capabilities {
            self.say(&mut seen, Subject::Capabilities, value, verified, at);
        }
        if let Some(identifier) = &signer.preference {
            let text = preference(identifier);
            self.say(&mut seen, Subject::Preference, &text, verified, at);
        }
        let place = match (id, key) {
            (Some(id), _) => self.seen.get_mut(usize::try_from(id.0).ok()?)?,
            (None, Some(key)) => self.elsewhere.get_mut(&key)?,
            (None, None) => return None,
        };
        *place = seen;
        id
    }

    fn say(
        &mut self,
        seen: &mut Seen,
        subject: Subject,
        text: &[u8],
        verified: bool,
        at: Option<i64>,
    ) {
        let room = HARVEST_TEXT_BYTES;
        let number = (text.len() <= MAX_STATEMENT_BYTES)
            .then(|| self.texts.number(text, room))
            .flatten();
        let what = number.map(|number| number << 2 | kind(subject));
        let one = Statement {
            first_at: at.unwrap_or(NEVER.0),
            last_at: at.unwrap_or(NEVER.1),
            what: what.unwrap_or_default(),
            signatures: 1,
            verified: u32::from(verified),
            next: 0,
        };
        if what.is_none() || !self.add(seen, &one) {
            seen.flags |= MORE;
            self.left_out += 1;
        }
    }

    /// Adds a statement to a certificate's list. False where that is full.
    fn add(&mut self, seen: &mut Seen, one: &Statement) -> bool {
        let mut left = HARVEST_STATEMENTS;
        let mut next = seen.statements;
        while let Some(index) = index(next) {
            let Some(known) = self.statements.get_mut(index) else {
                return false;
            };
            if known.what == one.what {
                known.signatures = known.signatures.saturating_add(one.signatures);
                known.verified = known.verified.saturating_add(one.verified);
                known.first_at = known.first_at.min(one.first_at);
                known.last_at = known.last_at.max(one.last_at);
                return true;
            }
            left -= 1;
            if left == 0 {
                return false;
            }
            next = known.next;
        }
        let Ok(number) = u32::try_from(self.statements.len() + 1) else {
            return false;
        };
        self.statements.push(Statement {
            next: seen.statements,
            ..*one
        });
        seen.statements = number;
        true
    }

    /// All messages were read: what was said of certificates by name goes to the one that has the name.
    pub fn finish(&mut self, pool: &Pool) {
        let mut elsewhere: Vec<(Key, Seen)> =
            std::mem::take(&mut self.elsewhere).into_iter().collect();
        elsewhere.sort_unstable_by_key(|(key, _)| *key);
        for (key, theirs) in elsewhere {
            let index = one(key, pool).and_then(|id| usize::try_from(id.0).ok());
            let Some(mut seen) = index.and_then(|index| self.seen.get(index).copied()) else {
                self.signers_elsewhere += u64::from(theirs.named);
                continue;
            };
            seen.join(&theirs);
            let mut next = theirs.statements;
            while let Some(one) = index_of(next, &self.statements) {
                next = one.next;
                if !self.add(&mut seen, &one) {
                    seen.flags |= MORE;
                    self.left_out += u64::from(one.signatures);
                }
            }
            if let Some(place) = index.and_then(|index| self.seen.get_mut(index)) {
                *place = seen;
            }
        }
        self.seen.shrink_to_fit();
    }

    /// Mail carries it: it is part of the harvest. A responder's certificate that only an OCSP response has is not.
    pub fn carries(&self, id: CertificateId) -> bool {
        self.seen(id).is_some_and(|seen| seen.messages > 0)
    }

    /// How messages use a certificate.
    pub fn usage(&self, id: CertificateId) -> Option<(Usage, u64)> {
        let seen = self.seen(id)?;
        let roles = Role::ALL
            .into_iter()
            .filter(|role| seen.flags & bit(*role) != 0);
        let usage = Usage::new(
            (u64::from(seen.messages), u64::from(seen.signed)),
            (time(seen.first_at), time(seen.last_at)),
            (seen.archive, seen.offset),
            roles,
        );
        Some((usage, u64::from(seen.named)))
    }

    /// Where it was seen at its first and its last claimed time.
    pub fn places(&self, id: CertificateId) -> Option<[(u32, u64); 2]> {
        let seen = self.seen(id).filter(|seen| time(seen.first_at).is_some())?;
        Some([
            (seen.first_archive, seen.first_offset),
            (seen.last_archive, seen.last_offset),
        ])
    }

    /// What its signers said, by subject and text.
    pub fn said(&self, id: CertificateId) -> (Vec<Said<'_>>, bool) {
        let Some(seen) = self.seen(id) else {
            return (Vec::new(), false);
        };
        let mut all = Vec::new();
        let mut next = seen.statements;
        while let Some(one) = index_of(next, &self.statements) {
            next = one.next;
            let Some(subject) = subject(one.what & 3) else {
                continue;
            };
            all.push(Said {
                subject,
                text: self.texts.get(one.what >> 2),
                signatures: one.signatures,
                verified: one.verified,
                first: time(one.first_at),
                last: time(one.last_at),
            });
        }
        all.sort_unstable_by_key(|said| (said.subject, said.text));
        (all, seen.flags & MORE != 0)
    }

    fn seen(&self, id: CertificateId) -> Option<&Seen> {
        self.seen.get(usize::try_from(id.0).ok()?)
    }
}

/// Octets of one statement at most; longer ones are left out. Origin: 320 are the longest address, and the longest capabilities in use
/// have some 300.
const MAX_STATEMENT_BYTES: usize = 2048;

fn index(next: u32) -> Option<usize> {
    usize::try_from(next.checked_sub(1)?).ok()
}

fn index_of(next: u32, statements: &[Statement]) -> Option<Statement> {
    statements.get(index(next)?).copied()
}

fn time(seconds: i64) -> Option<Time> {
    // Neither of `NEVER` is a time.
    Time::from_unix(seconds)
}

fn kind(subject: Subject) -> u32 {
    match subject {
        Subject::From => 0,
        Subject::Capabilities => 1,
        Subject::Preference => 2,
    }
}

fn subject(kind: u32) -> Option<Subject> {
    [Subject::From, Subject::Capabilities, Subject::Preference]
        .into_iter()
        .nth(usize::try_from(kind).ok()?)
}

fn bit(role: Role) -> u8 {
    let place = Role::ALL.iter().position(|other| *other == role);
    1 << place.unwrap_or_default()
}

/// The one certificate that an identifier names, by eight octets of a digest: only who makes both certificates can make two that are
/// equal in these, and then it is neither. Costs the same however many there are.
pub(super) fn one_named(identifier: &Identifier, pool: &Pool) -> Option<CertificateId> {
    one(key(identifier)?, pool)
}

fn one(key: Key, pool: &Pool) -> Option<CertificateId> {
    let found: Vec<CertificateId> = match key {
        Key::IssuerSerial(key) => {
            let found = pool.with_issuer_serial_key(key).iter();
            found.take(2).copied().collect()
        }
        Key::Ski(key) => pool.with_ski_key(key).take(2).collect(),
    };
    match found.as_slice() {
        [one] => Some(*one),
        [] | [_, ..] => None,
    }
}

fn key(identifier: &Identifier) -> Option<Key> {
    match identifier {
        Identifier::IssuerSerial { issuer, serial } => Some(Key::IssuerSerial(issuer_serial_key(
            Name::new(issuer),
            Integer(serial),
        ))),
        Identifier::Ski(ski) => Some(Key::Ski(octets_key(ski))),
        Identifier::None => None,
    }
}

/// An identifier as one text: its kind, the length of the serial number, both.
pub(super) fn preference(identifier: &Identifier) -> Vec<u8> {
    match identifier {
        Identifier::IssuerSerial { issuer, serial } => {
            let length = u16::try_from(serial.len()).unwrap_or(u16::MAX);
            [&[1], &length.to_be_bytes()[..], serial, issuer].concat()
        }
        Identifier::Ski(ski) => [&[2], ski.as_slice()].concat(),
        Identifier::None => Vec::new(),
    }
}

/// The identifier that [`preference`] wrote.
pub(super) fn preferred(text: &[u8]) -> Identifier {
    match text {
        [1, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            match rest.split_at_checked(length) {
                Some((serial, issuer)) => Identifier::IssuerSerial {
                    issuer: issuer.to_vec(),
                    serial: serial.to_vec(),
                },
                None => Identifier::None,
            }
        }
        [2, ski @ ..] => Identifier::Ski(ski.to_vec()),
        _ => Identifier::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_costs_what_is_documented() {
        assert_eq!(size_of::<Seen>(), 72);
        assert_eq!(size_of::<Statement>(), 32);
    }

    #[test]
    fn an_identifier_is_read_back() {
        for identifier in [
            Identifier::IssuerSerial {
                issuer: vec![0x30, 0],
                serial: vec![1, 2, 3],
            },
            Identifier::Ski(vec![9; 20]),
            Identifier::None,
        ] {
            assert_eq!(preferred(&preference(&identifier)), identifier);
        }
    }
}
