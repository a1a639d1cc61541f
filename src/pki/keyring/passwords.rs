//! The passwords of a run.

use std::collections::BTreeSet;
use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::password::Password;
use crate::pki::keyring::entry::Opened;

/// Passwords to try, in order. Wiped when dropped; `Debug` shows how many there are.
#[derive(Clone, Default)]
pub struct Passwords(Vec<Zeroizing<Vec<u8>>>);

impl Passwords {
    /// No password: only what is not encrypted, or is under the empty password, opens.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One password a line, which ends in LF or CR LF; white space counts, empty lines don't. UTF-8 as a rule, see
    /// [`Password::new`].
    #[must_use]
    pub fn from_lines(text: &[u8]) -> Self {
        let mut passwords = Self::none();
        for line in text.split(|byte| *byte == b'\n') {
            passwords.push(line.strip_suffix(b"\r").unwrap_or(line));
        }
        if passwords.0.last().is_some_and(|last| last.is_empty()) {
            passwords.0.pop();
        }
        passwords
    }

    /// Adds one behind the others, as typed at a prompt.
    pub fn push(&mut self, password: &[u8]) {
        self.0.push(Zeroizing::new(password.to_vec()));
    }

    /// How many there are, empty lines included: a number in a report is a line of the password file.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The passwords in their order, empty lines left out.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let all = self.0.iter().map(|password| password.as_slice());
        all.filter(|password| !password.is_empty())
    }

    /// All lines, empty ones too: their order gives the numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|password| password.as_slice())
    }

    /// What to try, in order: each password once in all its readings, and the empty one last.
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        let mut seen = BTreeSet::new();
        let numbered = self.0.iter().map(|password| password.as_slice());
        let numbered = numbered.zip(1..).filter(|(octets, _)| !octets.is_empty());
        let empty: &[u8] = &[];
        for (octets, opened) in numbered
            .map(|(octets, number)| (octets, Opened::WithPassword(number)))
            .chain([(empty, Opened::WithEmptyPassword)])
        {
            if !seen.insert(octets) {
                continue;
            }
            for (reading, password) in Password::readings(octets).into_iter().enumerate() {
                attempts.push(Attempt {
                    opened,
                    password,
                    repeats_octets: reading > 0,
                });
            }
        }
        attempts
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({})", self.0.len())
    }
}

/// One password in one reading.
pub(super) struct Attempt {
    /// For the report.
    pub opened: Opened,
    /// What the derivations take.
    pub password: Password,
    /// Differs from the attempt before it only where PKCS #12's own derivation is used.
    pub repeats_octets: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_passwords() {
        let passwords = Passwords::from_lines(b"one\r\n\n two \none\nZo\xeb\n");
        assert_eq!(passwords.len(), 5);
        let all: Vec<_> = passwords.iter().collect();
        let expected: [&[u8]; 4] = [b"one", b" two ", b"one", b"Zo\xeb"];
        assert_eq!(all, expected);
        assert_eq!(format!("{passwords:?}"), "Passwords(5)");
        assert!(Passwords::from_lines(b"").is_empty());
        assert_eq!(Passwords::from_lines(b"x").len(), 1);
    }

    #[test]
    fn each_password_is_tried_once_and_the_empty_one_last() {
        let passwords = Passwords::from_lines("one\n\none\nZo\u{eb}\n".as_bytes());
        let tried: Vec<_> = passwords
            .attempts()
            .iter()
            .map(|attempt| (attempt.opened, attempt.repeats_octets))
            .collect();
        let expected = [
            (Opened::WithPassword(1), false),
            (Opened::WithPassword(4), false),
            (Opened::WithPassword(4), true),
            (Opened::WithEmptyPassword, false),
            (Opened::WithEmptyPassword, true),
        ];
        assert_eq!(tried, expected);
    }
}
