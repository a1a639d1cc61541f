//! The index of key files that a run leaves for the next one: what is in each file, as long as the file stays the same.
//!
//! A head, then a certificate or a file's entry each, all in DER, and a SHA-256 over everything at the end.

use zeroize::Zeroizing;

use crate::asn1::BerError;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::crypto;
use crate::crypto::digest;
use crate::crypto::password::derive::KeyDerivation;
use crate::crypto::random;
use crate::error::RunError;
use crate::limits::Limits;
use crate::pki::keyring::entry::KeyFileKind;
use crate::pki::keyring::entry::KeyFileProblem;
use crate::pki::keyring::entry::Opened;
use crate::pki::keyring::file::FileContents;
use crate::pki::keyring::file::FileRow;
use crate::pki::keyring::file::FoundKey;
use crate::pki::keyring::file::PrivateHalf;
use crate::pki::keyring::files::Candidate;
use crate::pki::keyring::files::FileIdentity;
use crate::pki::keyring::identity::PublicKeyNames;
use crate::pki::keyring::passwords::Passwords;

use std::collections::HashMap;

/// First octets of an index.
const MAGIC: &[u8] = b"mailseal key index 2\n";

/// Rounds of the digest over the list of passwords, at least. Origin: half a second on one core.
pub(super) const ROUNDS: u32 = 400_000;

/// Rounds for each round of the key file that is the slowest to guess at. Origin: a key file's digest may be four times as fast or ask
/// for four blocks, and the index must not be where guessing is cheap.
const ROUNDS_PER_ROUND: u32 = 4;

/// Past this the index has no digest, and nothing that depends on passwords. Origin: five seconds on one core.
const MOST_ROUNDS: u32 = 4_000_000;

const SALT_BYTES: usize = 16;

/// The list of passwords, and the digest by which an index knows it again.
pub(super) struct PasswordList {
    /// Each with its length in front, in order. Empty where there are none, and so no secret.
    octets: Zeroizing<Vec<u8>>,
    /// The digest by which the index that was read knew the list.
    known: Option<Known>,
}

/// How an index knows a list of passwords again.
#[derive(Clone)]
struct Known {
    salt: Vec<u8>,
    rounds: u32,
    /// Empty for the empty list.
    digest: Vec<u8>,
}

impl PasswordList {
    pub fn new(passwords: &Passwords) -> Self {
        let bytes = passwords.lines().map(|line| line.len() + 8).sum();
        let mut octets = Zeroizing::new(Vec::with_capacity(bytes));
        if passwords.iter().next().is_some() {
            for line in passwords.lines() {
                octets.extend_from_slice(&line.len().to_be_bytes());
                octets.extend_from_slice(line);
            }
        }
        Self {
            octets,
            known: None,
        }
    }

    fn digest(&self, salt: &[u8], rounds: u32) -> Option<Vec<u8>> {
        if self.octets.is_empty() {
            return Some(Vec::new());
        }
        let derivation = KeyDerivation::pbkdf2(salt, rounds);
        Some(derivation.derive(&self.octets, 32).ok()?.to_vec())
    }

    /// Is it the list that this digest was made of?
    fn is(&mut self, written: &Known) -> bool {
        // A run without passwords derives nothing where the index was made with some.
        if self.octets.is_empty() != written.digest.is_empty() || written.rounds > MOST_ROUNDS {
            return false;
        }
        let digest = self.digest(&written.salt, written.rounds);
        let same = digest.is_some_and(|own| own == written.digest);
        if same {
            self.known = Some(written.clone());
        }
        same
    }

    /// The digest for an index of files of which the slowest costs a guess so many rounds; `Ok(None)` where it would be cheaper.
    fn known_at(&self, slowest: u32) -> Result<Option<Known>, RunError> {
        let wanted = match self.octets.is_empty() {
            true => ROUNDS,
            false => slowest.saturating_mul(ROUNDS_PER_ROUND).max(ROUNDS),
        };
        let enough = |known: &&Known| known.rounds >= wanted;
        if let Some(known) = self.known.as_ref().filter(enough) {
            return Ok(Some(known.clone()));
        }
        if wanted > MOST_ROUNDS {
            return Ok(None);
        }
        let mut salt = vec![0; SALT_BYTES];
        let filled = random::fill(&mut salt).ok();
        let digest = filled.and_then(|()| self.digest(&salt, wanted));
        let digest = digest.ok_or(RunError::Internal {
            what: "the system gives no randomness",
        })?;
        Ok(Some(Known {
            salt,
            rounds: wanted,
            digest,
        }))
    }
}

/// What contents depend on besides file and passwords.
fn context(limits: &Limits) -> Vec<u8> {
    let text = format!(
        "{} {} {} {} {} {} {} {} {}",
        env!("CARGO_PKG_VERSION"),
        crypto::openssl_version(),
        limits.key_file_bytes,
        limits.key_file_items,
        limits.kdf_rounds,
        limits.kdf_memory_bytes,
        limits.rsa_bits,
        limits.rsa_exponent_bits,
        limits.dsa_bits,
    );
    text.into_bytes()
}

/// A file's entry in an index.
pub(super) struct Entry<'i> {
    pub path: &'i [u8],
    identity: &'i [u8],
    row: FileRow,
    certificates: Vec<&'i [u8]>,
    keys: Vec<(PublicKeyNames, Option<String>)>,
    /// Other passwords would give other contents, and they are not the same.
    other_passwords: bool,
}

impl Entry<'_> {
    /// The file is as it was, and the passwords open it as they did.
    pub fn speaks_of(&self, now: &FileIdentity) -> bool {
        self.identity == now.octets() && !self.other_passwords
    }

    pub fn contents(self, identity: FileIdentity) -> FileContents {
        let key = |(names, friendly_name)| FoundKey {
            names,
            friendly_name,
            half: PrivateHalf::InFile,
        };
        FileContents {
            row: self.row,
            mode: identity.mode,
            certificates: self.certificates.iter().map(|der| der.to_vec()).collect(),
            keys: self.keys.into_iter().map(key).collect(),
            identity: Some(identity),
            error: None,
            fit: None,
        }
    }
}

/// Tells of each entry. None where this is no index of this version, or a damaged one; what was told then is void.
pub(super) fn read<'i>(
    index: &'i [u8],
    list: &mut PasswordList,
    limits: &Limits,
    told: &mut dyn FnMut(Entry<'i>),
) -> Option<()> {
    let end = index.len().checked_sub(32)?;
    let (content, sum) = index.split_at_checked(end)?;
    let content_of = content.strip_prefix(MAGIC)?;
    if digest::sha256(content) != sum {
        return None;
    }
    let mut r = Reader::new(content_of);
    let (written_under, salt, rounds, passwords) = r
        .sequence(|r| Ok((octets(r)?, octets(r)?, r.small_integer()?, octets(r)?)))
        .ok()?;
    if written_under != context(limits) {
        return None;
    }
    let same = list.is(&Known {
        salt: salt.to_vec(),
        rounds: u32::try_from(rounds).ok()?,
        digest: passwords.to_vec(),
    });
    let mut certificates: Vec<&[u8]> = Vec::new();
    while !r.is_empty() {
        if r.peek() == Some(Tag::OCTET_STRING) {
            certificates.push(octets(&mut r).ok()?);
            continue;
        }
        let mut entry = r
            .sequence(|r| read_entry(r, &certificates))
            .ok()
            .flatten()?;
        entry.other_passwords = !same && needs_passwords(&entry.row);
        told(entry);
    }
    Some(())
}

/// Other passwords could give another row.
fn needs_passwords(row: &FileRow) -> bool {
    row.opened != Opened::Freely || row.problem == Some(KeyFileProblem::WrongPassword)
}

fn octets<'i>(r: &mut Reader<'i>) -> Result<&'i [u8], BerError> {
    let element = r.expect(Tag::OCTET_STRING)?;
    Ok(element.content)
}

fn read_entry<'i>(r: &mut Reader<'i>, known: &[&'i [u8]]) -> Result<Option<Entry<'i>>, BerError> {
    let (path, identity) = (octets(r)?, octets(r)?);
    let kind = match r.small_integer()? {
        0 => KeyFileKind::Pkcs12,
        1 => KeyFileKind::Pem,
        2 => KeyFileKind::Der,
        _ => KeyFileKind::Other,
    };
    let (keys, certificates) = (r.small_integer()?, r.small_integer()?);
    let opened = match r.small_integer()? {
        0 => Opened::No,
        1 => Opened::Freely,
        2 => Opened::WithEmptyPassword,
        number => Opened::WithPassword(usize::try_from(number - 3).unwrap_or(usize::MAX)),
    };
    let problem = match r.small_integer()? {
        0 => None,
        1 => Some(KeyFileProblem::WrongPassword),
        2 => Some(KeyFileProblem::TooManyRounds),
        3 => Some(KeyFileProblem::Damaged),
        4 => Some(KeyFileProblem::NotAKeyFile),
        _ => Some(KeyFileProblem::UnsupportedAlgorithm(text(octets(r)?))),
    };
    let (Ok(keys), Ok(certificates)) = (usize::try_from(keys), usize::try_from(certificates))
    else {
        return Ok(None);
    };
    let mut entry = Entry {
        path,
        identity,
        row: FileRow {
            kind,
            keys,
            certificates,
            opened,
            problem,
        },
        certificates: Vec::new(),
        keys: Vec::new(),
        other_passwords: false,
    };
    while r.peek() == Some(Tag::INTEGER) {
        let place = usize::try_from(r.small_integer()?).ok();
        let Some(der) = place.and_then(|place| known.get(place)) else {
            return Ok(None);
        };
        entry.certificates.push(der);
    }
    while !r.is_empty() {
        let key = r.sequence(|r| {
            let names = PublicKeyNames::from_octets(octets(r)?, octets(r)?, octets(r)?);
            let friendly_name = if r.is_empty() {
                None
            } else {
                Some(text(octets(r)?))
            };
            Ok(names.map(|names| (names, friendly_name)))
        })?;
        let Some(key) = key else {
            return Ok(None);
        };
        entry.keys.push(key);
    }
    Ok(Some(entry))
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// The index of these files, of which the slowest costs a guess so many rounds. Those without an identity are left out, and those that
/// depend on passwords where a digest of the list would be cheaper to guess at than they are.
pub(super) fn write<'f>(
    files: impl Iterator<Item = (&'f Candidate, &'f FileContents)>,
    list: &PasswordList,
    slowest: u32,
    limits: &Limits,
) -> Result<Vec<u8>, RunError> {
    let known_list = list.known_at(slowest)?;
    let has_list = known_list.is_some();
    let digest = known_list.unwrap_or(Known {
        salt: Vec::new(),
        rounds: 0,
        digest: Vec::new(),
    });
    let mut out = MAGIC.to_vec();
    out.extend(Writer::encode(|w| {
        w.sequence(|w| {
            w.octet_string(&context(limits));
            w.octet_string(&digest.salt);
            w.small_integer(u64::from(digest.rounds));
            w.octet_string(&digest.digest);
        });
    }));
    let mut known: HashMap<[u8; 32], u64> = HashMap::new();
    for (file, contents) in files {
        let Some(identity) = &contents.identity else {
            continue;
        };
        if !has_list && needs_passwords(&contents.row) {
            continue;
        }
        let mut places = Vec::with_capacity(contents.certificates.len());
        for der in &contents.certificates {
            let next = u64::try_from(known.len()).unwrap_or(u64::MAX);
            let place = *known.entry(digest::sha256(der)).or_insert(next);
            if place == next {
                out.extend(Writer::encode(|w| w.octet_string(der)));
            }
            places.push(place);
        }
        out.extend(Writer::encode(|w| {
            w.sequence(|w| write_entry(file, identity, contents, &places, w));
        }));
    }
    let sum = digest::sha256(&out);
    out.extend_from_slice(&sum);
    Ok(out)
}

fn write_entry(
    file: &Candidate,
    identity: &FileIdentity,
    contents: &FileContents,
    certificates: &[u64],
    w: &mut Writer,
) {
    let row = &contents.row;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    w.octet_string(file.absolute.as_os_str().as_encoded_bytes());
    w.octet_string(&identity.octets());
    w.small_integer(match row.kind {
        KeyFileKind::Pkcs12 => 0,
        KeyFileKind::Pem => 1,
        KeyFileKind::Der => 2,
        KeyFileKind::Other => 3,
    });
    w.small_integer(count(row.keys));
    w.small_integer(count(row.certificates));
    w.small_integer(match row.opened {
        Opened::No => 0,
        Opened::Freely => 1,
        Opened::WithEmptyPassword => 2,
        Opened::WithPassword(number) => count(number).saturating_add(3),
    });
    match &row.problem {
        None => w.small_integer(0),
        Some(KeyFileProblem::WrongPassword) => w.small_integer(1),
        Some(KeyFileProblem::TooManyRounds) => w.small_integer(2),
        Some(KeyFileProblem::Damaged) => w.small_integer(3),
        // What can't be read has no identity, and so no entry.
        Some(KeyFileProblem::NotAKeyFile | KeyFileProblem::Unreadable) => w.small_integer(4),
        Some(KeyFileProblem::UnsupportedAlgorithm(name)) => {
            w.small_integer(5);
            w.octet_string(name.as_bytes());
        }
    }
    for place in certificates {
        w.small_integer(*place);
    }
    for key in &contents.keys {
        w.sequence(|w| {
            w.octet_string(key.names.identity.octets());
            w.octet_string(&key.names.spki_sha256);
            w.octet_string(&key.names.key_identifier);
            if let Some(name) = &key.friendly_name {
                w.octet_string(name.as_bytes());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: &[u8]) -> PasswordList {
        PasswordList::new(&Passwords::from_lines(lines))
    }

    #[test]
    fn the_digest_of_the_passwords_costs_more_than_the_slowest_file() {
        let rounds = |lines: &[u8], slowest| {
            let known = list(lines).known_at(slowest).unwrap();
            known.map(|known| (known.rounds, known.digest.len()))
        };
        assert_eq!(rounds(b"one", 2_048), Some((ROUNDS, 32)));
        assert_eq!(rounds(b"one", ROUNDS), Some((4 * ROUNDS, 32)));
        assert_eq!(rounds(b"one", MOST_ROUNDS), None);
        // scrypt.
        assert_eq!(rounds(b"one", u32::MAX), None);
        // Without passwords there is nothing to guess.
        assert_eq!(rounds(b"", u32::MAX), Some((ROUNDS, 0)));
    }

    #[test]
    fn a_list_is_known_again_by_its_lines_and_their_order() {
        let known = list(b"one\ntwo").known_at(0).unwrap().unwrap();
        let mut same = list(b"one\r\ntwo\n");
        assert!(same.is(&known));
        // The digest of a list that is known is taken over, unless a slower file has come.
        assert_eq!(same.known_at(0).unwrap().unwrap().salt, known.salt);
        assert_ne!(same.known_at(ROUNDS).unwrap().unwrap().salt, known.salt);
        for other in [&b"two\none"[..], b"one", b"one\n\ntwo", b"onet\nwo", b""] {
            assert!(!list(other).is(&known), "{other:?}");
        }
        let forged = Known {
            rounds: u32::MAX,
            ..known
        };
        assert!(!list(b"one\ntwo").is(&forged), "derived past the bound");
    }
}
