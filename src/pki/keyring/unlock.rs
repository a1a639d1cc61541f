//! Trying passwords on what is locked.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::crypto::KeyError;
use crate::crypto::PrivateKey;
use crate::crypto::password::Password;
use crate::crypto::password::PasswordEncryption;
use crate::crypto::password::PasswordError;
use crate::crypto::password::PasswordMac;
use crate::limits::Limits;
use crate::pki::keyring::entry::KeyFileProblem;
use crate::pki::keyring::entry::Opened;
use crate::pki::keyring::file::FileContents;
use crate::pki::keyring::file::PrivateHalf;
use crate::pki::keyring::files;
use crate::pki::keyring::identity::PublicKeyNames;
use crate::pki::keyring::passwords::Attempt;
use crate::pki::keyring::passwords::Attempts;
use crate::pki::keyring::passwords::OwnLines;
use crate::pki::keyring::passwords::Passwords;
use crate::pki::keyring::pem_cipher::PemCiphertext;
use crate::pki::keyring::pkcs12;
use crate::pki::keyring::pkcs12::MacData;

/// Why a private key can't be had.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UnlockError {
    /// No password given opens it.
    WrongPassword,
    /// It needs an algorithm that is not known: its name or object identifier.
    UnsupportedAlgorithm(String),
    /// The key derivation asks for more rounds or memory than the limit. Nothing was derived.
    TooManyRounds,
    /// What was locked is no private key, or its parameters are none.
    Damaged,
    /// The key is not the one of the certificate that its file puts beside it.
    OtherKey,
    /// Its file can't be read any more, or does not hold it any more.
    Gone,
}

impl From<PasswordError> for UnlockError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::WrongPassword => Self::WrongPassword,
            PasswordError::UnsupportedAlgorithm(name) => Self::UnsupportedAlgorithm(name),
            PasswordError::TooManyRounds => Self::TooManyRounds,
            PasswordError::Malformed => Self::Damaged,
        }
    }
}

/// For the row of the file.
impl From<UnlockError> for KeyFileProblem {
    fn from(error: UnlockError) -> Self {
        match error {
            UnlockError::WrongPassword => Self::WrongPassword,
            UnlockError::UnsupportedAlgorithm(name) => Self::UnsupportedAlgorithm(name),
            UnlockError::TooManyRounds => Self::TooManyRounds,
            UnlockError::Damaged | UnlockError::OtherKey => Self::Damaged,
            UnlockError::Gone => Self::Unreadable,
        }
    }
}

/// A private key under a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Encrypted {
    /// PKCS #8 `EncryptedPrivateKeyInfo` (RFC 5958 §3).
    Pkcs8(Vec<u8>),
    /// As OpenSSL did before PKCS #8.
    Pem(PemCiphertext),
}

/// A key that is unlocked when it is needed.
pub(super) struct LockedKey {
    pub encrypted: Encrypted,
    /// The password that opened its file.
    pub fit: Fit,
}

/// Which of the attempts opened something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit(usize);

/// What a derivation makes of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// BMPString (RFC 7292 B.1): each attempt is one of its own.
    Bmp,
    /// The octets as they are.
    Octets,
}

/// All passwords.
pub(super) struct Unlocker {
    /// By the number of the password, the empty one last.
    attempts: Vec<Attempt>,
    /// The first attempt of each password but the empty one and those for one file.
    passwords: Vec<Fit>,
    /// The attempts that are for the file in this place alone.
    own: HashMap<usize, Vec<Fit>>,
    limits: Limits,
    /// The most rounds of what a password has opened.
    rounds: AtomicU32,
}

impl Unlocker {
    pub fn new(passwords: &Passwords, own: &OwnLines, limits: &Limits) -> Self {
        let Attempts { all, own } = passwords.attempts(own);
        let numbered = all.iter().enumerate().filter(|(_, attempt)| {
            let is_first = !attempt.repeats_octets && !attempt.for_one_file;
            is_first && attempt.opened != Opened::WithEmptyPassword
        });
        let fits = |places: Vec<usize>| places.into_iter().map(Fit).collect();
        Self {
            passwords: numbered.map(|(index, _)| Fit(index)).collect(),
            own: own
                .into_iter()
                .map(|(place, all)| (place, fits(all)))
                .collect(),
            attempts: all,
            limits: limits.clone(),
            rounds: AtomicU32::new(0),
        }
    }

    /// The most rounds that a guess at what has been opened costs.
    pub fn rounds(&self) -> u32 {
        self.rounds.load(Ordering::Relaxed)
    }

    fn note(&self, rounds: u32) {
        self.rounds.fetch_max(rounds, Ordering::Relaxed);
    }

    /// The name of an attempt for the report.
    pub fn opened(&self, fit: Fit) -> Opened {
        let attempt = self.attempts.get(fit.0);
        attempt.map_or(Opened::No, |attempt| attempt.opened)
    }

    /// The attempt that has this name in a report.
    fn fit_of(&self, opened: Opened) -> Option<Fit> {
        let rank = |opened| match opened {
            Opened::Freely | Opened::No => 0,
            Opened::WithPassword(number) => number,
            Opened::WithEmptyPassword => usize::MAX,
        };
        let wanted = rank(opened);
        let place = self
            .attempts
            .partition_point(|attempt| rank(attempt.opened) < wanted);
        let attempt = self.attempts.get(place)?;
        (attempt.opened == opened).then_some(Fit(place))
    }

    /// What to try first on the file in this place of so many, because every miss costs a derivation: the password that opened the file
    /// before, the one behind it, and the one in the file's place. A folder's files mostly have one password, or each its own in the order
    /// of a list, which may lack some or have some more. A line of its own goes before all of them.
    pub fn hints(&self, place: usize, files: usize, last: Option<Fit>) -> Vec<Fit> {
        let is_for_all = |fit: &Fit| {
            let attempt = self.attempts.get(fit.0);
            attempt.is_some_and(|attempt| !attempt.for_one_file)
        };
        let last = last.filter(is_for_all);
        let numbered = self.passwords.len();
        // With less than half a password for each file their places say nothing of each other.
        let for_each = numbered > 1 && numbered.saturating_mul(2) >= files;
        let guessed = for_each.then(|| place.min(numbered - 1));
        let guessed = guessed.and_then(|place| self.passwords.get(place).copied());
        let next = last.and_then(|last| {
            let behind = self.passwords.partition_point(|fit| fit.0 <= last.0);
            self.passwords.get(behind).copied()
        });
        let order = if numbered == files {
            [guessed, last, next]
        } else {
            [last, next, guessed]
        };
        let mut hints = self.own.get(&place).cloned().unwrap_or_default();
        for fit in order.into_iter().flatten() {
            if !hints.contains(&fit) {
                hints.push(fit);
            }
        }
        hints
    }

    /// Each password but those for one file once, the empty one last.
    pub fn passwords(&self) -> impl Iterator<Item = &Password> {
        let once = |attempt: &&Attempt| !attempt.repeats_octets && !attempt.for_one_file;
        let attempts = self.attempts.iter().filter(once);
        attempts.map(|attempt| &attempt.password)
    }

    /// The MAC of a PKCS #12 file, over its `AuthenticatedSafe`.
    pub fn check_mac(
        &self,
        data: &MacData<'_>,
        content: &[u8],
        first: &[Fit],
    ) -> Result<Fit, UnlockError> {
        let mac = PasswordMac::from_fields(
            &data.algorithm,
            &data.value,
            &data.salt,
            data.iterations,
            &self.limits,
        )?;
        let reads = if data.algorithm.oid == oid::PBMAC1 {
            Reads::Octets
        } else {
            Reads::Bmp
        };
        let fits = self.first(first, reads, |attempt| {
            Ok(mac.verify(&attempt.password, content)?)
        });
        fits.map(|((), fit)| {
            self.note(mac.rounds());
            fit
        })
    }

    /// The `SafeContents` under a password, which must read as such: without a MAC that is what tells a right password from one
    /// whose padding came out well by chance.
    pub fn open_safe(
        &self,
        algorithm: &AlgorithmIdentifier<'_>,
        ciphertext: &[u8],
        first: &[Fit],
    ) -> Result<(Zeroizing<Vec<u8>>, Fit), UnlockError> {
        let encryption = PasswordEncryption::from_algorithm(algorithm, &self.limits)?;
        let opened = self.first(first, reads(algorithm.oid), |attempt| {
            let content = encryption.decrypt(&attempt.password, ciphertext)?;
            match pkcs12::read_bags(&content, &self.limits) {
                Ok(_) => Ok(content),
                Err(_) => Err(UnlockError::WrongPassword),
            }
        })?;
        self.note(encryption.rounds());
        Ok(opened)
    }

    /// A private key.
    pub fn unlock(
        &self,
        encrypted: &Encrypted,
        first: &[Fit],
    ) -> Result<(PrivateKey, Fit), UnlockError> {
        match encrypted {
            Encrypted::Pkcs8(der) => {
                let (algorithm, ciphertext) =
                    encrypted_private_key_info(der).map_err(|_| UnlockError::Damaged)?;
                let encryption = PasswordEncryption::from_algorithm(&algorithm, &self.limits)?;
                let opened = self.first(first, reads(algorithm.oid), |attempt| {
                    self.key_in(&encryption.decrypt(&attempt.password, &ciphertext)?)
                })?;
                self.note(encryption.rounds());
                Ok(opened)
            }
            Encrypted::Pem(pem) => {
                let cipher = pem.cipher()?;
                self.first(first, Reads::Octets, |attempt| {
                    let decrypted = pem.decrypt(&cipher, &attempt.password);
                    self.key_in(&decrypted.map_err(|_| UnlockError::WrongPassword)?)
                })
            }
        }
    }

    /// The key in what a password gave. What does not read as one is taken for what a wrong password gives.
    fn key_in(&self, der: &[u8]) -> Result<PrivateKey, UnlockError> {
        if looks_like_key(der) {
            read_key(der, &self.limits)
        } else {
            Err(UnlockError::WrongPassword)
        }
    }

    /// The first attempt that succeeds: those in `first`, and then all that are not for one file, the nearest to the first of these before
    /// those far from it.
    /// What a password can't change ends the search.
    fn first<T>(
        &self,
        first: &[Fit],
        reads: Reads,
        open: impl Fn(&Attempt) -> Result<T, UnlockError>,
    ) -> Result<(T, Fit), UnlockError> {
        let hinted = first
            .iter()
            .filter_map(|fit| Some((*fit, self.attempts.get(fit.0)?)));
        let center = first.first().map_or(0, |fit| fit.0);
        let others = outward(center, self.attempts.len())
            .filter_map(|index| Some((Fit(index), self.attempts.get(index)?)))
            .filter(|(fit, attempt)| !attempt.for_one_file && !first.contains(fit))
            .filter(|(_, attempt)| reads == Reads::Bmp || !attempt.repeats_octets);
        for (fit, attempt) in hinted.chain(others) {
            match open(attempt) {
                Ok(value) => return Ok((value, fit)),
                Err(UnlockError::WrongPassword) => {}
                Err(error) => return Err(error),
            }
        }
        Err(UnlockError::WrongPassword)
    }
}

/// The numbers below `count`, by their distance from `center`.
fn outward(center: usize, count: usize) -> impl Iterator<Item = usize> {
    let above = move |distance| center.checked_add(distance);
    let below = move |distance: usize| center.checked_sub(distance).filter(|_| distance > 0);
    let both = (0..=count).flat_map(move |distance| [above(distance), below(distance)]);
    both.flatten().filter(move |number| *number < count)
}

/// What PKCS #12's own schemes (RFC 7292 §C) and the others make of a password.
fn reads(scheme: Oid<'_>) -> Reads {
    match scheme {
        oid::PKCS12_PBE_RC4_128
        | oid::PKCS12_PBE_RC4_40
        | oid::PKCS12_PBE_3DES
        | oid::PKCS12_PBE_2DES
        | oid::PKCS12_PBE_RC2_128
        | oid::PKCS12_PBE_RC2_40 => Reads::Bmp,
        _ => Reads::Octets,
    }
}

/// Where the private half of a key may be.
pub(super) enum Place {
    /// In memory, under a password.
    Locked(LockedKey),
    /// In this file, which opened so when it was last read.
    InFile(PathBuf, Opened),
}

impl Place {
    /// The file that is read again.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Locked(_) => None,
            Self::InFile(path, _) => Some(path),
        }
    }
}

/// The first of these places that has the private half of `names`, unlocked.
pub(super) fn first(
    places: &[Place],
    names: &PublicKeyNames,
    unlocker: &Unlocker,
) -> Result<PrivateKey, UnlockError> {
    let mut fault = None;
    for place in places {
        let key = match place {
            Place::Locked(locked) => unlocker.right_key(locked, names),
            Place::InFile(path, opened) => unlocker.key_in_file(path, *opened, names),
        };
        match key {
            Ok(key) => return Ok(key),
            Err(error) => {
                fault.get_or_insert(error);
            }
        }
    }
    Err(fault.unwrap_or(UnlockError::Damaged))
}

impl Unlocker {
    fn right_key(
        &self,
        locked: &LockedKey,
        names: &PublicKeyNames,
    ) -> Result<PrivateKey, UnlockError> {
        let (key, _) = self.unlock(&locked.encrypted, &[locked.fit])?;
        match public_names(&key) {
            Some(own) if own.identity == names.identity => Ok(key),
            Some(_) | None => Err(UnlockError::OtherKey),
        }
    }

    fn key_in_file(
        &self,
        path: &Path,
        opened: Opened,
        names: &PublicKeyNames,
    ) -> Result<PrivateKey, UnlockError> {
        let hints = self.fit_of(opened).into_iter().collect();
        let content = files::read(path, self.limits.key_file_bytes);
        let contents = FileContents::read(&content, self, hints, &self.limits);
        let mut fault = match contents.row.problem {
            Some(KeyFileProblem::WrongPassword) => UnlockError::WrongPassword,
            _ => UnlockError::Gone,
        };
        for found in contents.keys {
            if found.names.identity != names.identity {
                continue;
            }
            let key = match found.half {
                PrivateHalf::Unlocked(key) => Ok(key),
                PrivateHalf::Locked(locked) => self.right_key(&locked, names),
                PrivateHalf::InFile => continue,
            };
            match key {
                Ok(key) => return Ok(key),
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }
}

/// A private key in PKCS #8, PKCS #1, SEC 1 or OpenSSL's DSA form.
pub(super) fn read_key(der: &[u8], limits: &Limits) -> Result<PrivateKey, UnlockError> {
    PrivateKey::from_traditional(der, limits).map_err(|error| {
        let algorithm = pkcs8_algorithm(der);
        match (error, algorithm) {
            (KeyError::Unsupported | KeyError::OutOfPolicy, Some(algorithm)) => {
                UnlockError::UnsupportedAlgorithm(algorithm.label())
            }
            (KeyError::Unsupported | KeyError::OutOfPolicy, None) => {
                UnlockError::UnsupportedAlgorithm("private key".to_owned())
            }
            // OpenSSL does not tell a key that it does not know from a damaged one.
            (KeyError::Malformed | KeyError::ParametersMissing, Some(algorithm))
                if algorithm.name().is_none() =>
            {
                UnlockError::UnsupportedAlgorithm(algorithm.label())
            }
            (KeyError::Malformed | KeyError::ParametersMissing, _) => UnlockError::Damaged,
        }
    })
}

/// The names of the public half.
pub(super) fn public_names(key: &PrivateKey) -> Option<PublicKeyNames> {
    PublicKeyNames::read(&key.public_spki()).ok()
}

/// One SEQUENCE, and nothing behind it, that begins with an INTEGER: so do all forms of private keys.
fn looks_like_key(der: &[u8]) -> bool {
    let mut r = Reader::new(der);
    let inside = r.expect(Tag::SEQUENCE).and_then(|key| key.reader());
    r.finish().is_ok() && inside.is_ok_and(|inside| inside.peek() == Some(Tag::INTEGER))
}

/// The algorithm of a `PrivateKeyInfo` (RFC 5958 §2); None for other forms.
fn pkcs8_algorithm(der: &[u8]) -> Option<Oid<'_>> {
    let mut key = Reader::new(der).expect(Tag::SEQUENCE).ok()?.reader().ok()?;
    key.integer().ok()?;
    Some(AlgorithmIdentifier::read(&mut key).ok()?.oid)
}

/// `EncryptedPrivateKeyInfo` (RFC 5958 §3).
fn encrypted_private_key_info(
    der: &[u8],
) -> Result<(AlgorithmIdentifier<'_>, Cow<'_, [u8]>), BerError> {
    Reader::new(der).sequence(|r| Ok((AlgorithmIdentifier::read(r)?, r.octet_string()?.bytes()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_near_the_right_place_come_first_and_each_comes_once() {
        let all = |center, count| outward(center, count).collect::<Vec<_>>();
        assert_eq!(all(0, 4), [0, 1, 2, 3]);
        assert_eq!(all(2, 5), [2, 3, 1, 4, 0]);
        assert_eq!(all(4, 5), [4, 3, 2, 1, 0]);
        assert_eq!(all(0, 0), Vec::<usize>::new());
    }

    /// However the lines are ordered, and whether a password opens a file or none does.
    #[test]
    fn a_password_with_a_file_name_is_tried_on_that_file_alone() {
        let paths: Vec<PathBuf> = (0..2000)
            .map(|n| format!("keys/{n:04}.p12").into())
            .collect();
        let lines: String = (0..2000)
            .map(|n| n * 1999 % 2000)
            .map(|n| format!("{n:04}.p12\tpassword {n}\n"))
            .collect();
        let lines = format!("for all\n{lines}");
        let passwords = Passwords::from_lines(lines.as_bytes());
        let own = passwords.of_files(paths.iter().map(PathBuf::as_path));
        let unlocker = Unlocker::new(&passwords, &own, &Limits::default());
        let tried = std::cell::Cell::new(0);
        let mut last = None;
        for place in 0..paths.len() {
            let wanted = match place % 3 {
                0 => "for all".to_owned(),
                1 => "unknown".to_owned(),
                _ => format!("password {place}"),
            };
            let hints = unlocker.hints(place, paths.len(), last);
            let found = unlocker.first(&hints, Reads::Octets, |attempt| {
                tried.set(tried.get() + 1);
                match attempt.password.octets() == wanted.as_bytes() {
                    true => Ok(()),
                    false => Err(UnlockError::WrongPassword),
                }
            });
            assert_eq!(found.is_ok(), place % 3 != 1, "{place}");
            last = found.ok().map(|((), fit)| fit).or(last);
        }
        // Its own, the one for all, and the empty one.
        assert!(
            tried.get() <= 3 * paths.len(),
            "{} derivations",
            tried.get()
        );
        // Mail under a password is no file.
        let all: Vec<_> = unlocker
            .passwords()
            .map(|one| one.octets().to_vec())
            .collect();
        assert_eq!(all, [b"for all".to_vec(), Vec::new()]);
    }

    #[test]
    fn a_list_that_does_not_match_the_folder_is_searched_from_where_the_file_stands() {
        let lines: String = (0..1000).map(|n| format!("password {n}\n")).collect();
        let passwords = Passwords::from_lines(lines.as_bytes());
        let unlocker = Unlocker::new(&passwords, &OwnLines::default(), &Limits::default());
        assert_eq!(unlocker.hints(500, 1000, None), [Fit(500)]);
        let hints = unlocker.hints(500, 1000, Some(Fit(7)));
        assert_eq!(hints, [Fit(500), Fit(7), Fit(8)]);
        // One file more than passwords; a batch that begins far into the folder.
        assert_eq!(unlocker.hints(500, 1001, None), [Fit(500)]);
        assert_eq!(unlocker.hints(1000, 1001, None), [Fit(999)]);
        let tried = std::cell::Cell::new(0);
        let found = unlocker.first(&unlocker.hints(500, 1001, None), Reads::Octets, |attempt| {
            tried.set(tried.get() + 1);
            match attempt.password.octets() {
                b"password 499" => Ok(()),
                _ => Err(UnlockError::WrongPassword),
            }
        });
        assert!(found == Ok(((), Fit(499))));
        assert!(tried.get() <= 3, "{} derivations", tried.get());
        // Few passwords for many files: only what fitted before.
        assert_eq!(unlocker.hints(500, 9000, None), []);
        assert_eq!(unlocker.hints(500, 9000, Some(Fit(7))), [Fit(7), Fit(8)]);
        for number in [1, 2, 500, 1000] {
            let opened = Opened::WithPassword(number);
            assert_eq!(unlocker.fit_of(opened), Some(Fit(number - 1)));
        }
        let empty = Opened::WithEmptyPassword;
        assert_eq!(unlocker.fit_of(empty), Some(Fit(1000)));
        assert_eq!(unlocker.fit_of(Opened::WithPassword(1001)), None);
        assert_eq!(unlocker.fit_of(Opened::No), None);
    }
}
