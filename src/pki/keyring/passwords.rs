//! The passwords of a run.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;

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
    /// [`Password::new`]. The mark that some editors put before UTF-8 is none of the first password.
    #[must_use]
    pub fn from_lines(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
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

    /// Which lines are `FILE`, a TAB and a password, where FILE is one of these paths or the end of one, from a slash on. Any other line
    /// with a TAB is a password with a TAB in it.
    pub(super) fn of_files<'p>(&self, paths: impl Iterator<Item = &'p Path>) -> OwnLines {
        let mut lines: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (number, line) in self.lines().enumerate() {
            if let Some((name, _)) = at_tab(line) {
                lines.entry(name).or_default().push(number);
            }
        }
        let mut own = OwnLines::default();
        if lines.is_empty() {
            return own;
        }
        for (place, path) in paths.enumerate() {
            let path = path.as_os_str().as_encoded_bytes();
            let starts = memchr::memchr_iter(b'/', path).map(|slash| slash + 1);
            for start in std::iter::once(0).chain(starts) {
                let name = path.get(start..).unwrap_or_default();
                let Some(numbers) = lines.get(name) else {
                    continue;
                };
                own.lines.extend(numbers);
                own.places.entry(place).or_default().extend(numbers);
            }
        }
        own
    }

    /// What to try, in order: each password once in all its readings, and the empty one last.
    pub(super) fn attempts(&self, own: &OwnLines) -> Attempts {
        let mut all: Vec<Attempt> = Vec::new();
        let mut seen: BTreeMap<&[u8], Range<usize>> = BTreeMap::new();
        let mut of_line: HashMap<usize, Range<usize>> = HashMap::new();
        let empty: (&[u8], _, _) = (&[], Opened::WithEmptyPassword, None);
        let numbered = self.lines().enumerate().map(|(number, line)| {
            let is_own = own.lines.contains(&number);
            let own_password = at_tab(line).filter(|_| is_own);
            let password = own_password.map_or(line, |(_, password)| password);
            let opened = Opened::WithPassword(number + 1);
            (password, opened, is_own.then_some(number))
        });
        let numbered = numbered.filter(|(octets, ..)| !octets.is_empty());
        for (octets, opened, own_line) in numbered.chain([empty]) {
            let range = seen.entry(octets).or_insert_with(|| {
                let start = all.len();
                for (reading, password) in Password::readings(octets).into_iter().enumerate() {
                    all.push(Attempt {
                        opened,
                        password,
                        repeats_octets: reading > 0,
                        for_one_file: true,
                    });
                }
                start..all.len()
            });
            match own_line {
                Some(number) => {
                    of_line.insert(number, range.clone());
                }
                // A line for all files says the same.
                None => {
                    let attempts = all.get_mut(range.clone()).unwrap_or_default();
                    attempts.iter_mut().for_each(|one| one.for_one_file = false);
                }
            }
        }
        let fits = |lines: &BTreeSet<usize>| {
            let mut fits: Vec<usize> = Vec::new();
            let lines = lines.iter().filter_map(|line| of_line.get(line));
            for fit in lines.cloned().flatten() {
                if !fits.contains(&fit) {
                    fits.push(fit);
                }
            }
            fits
        };
        let places = own.places.iter();
        Attempts {
            own: places.map(|(place, lines)| (*place, fits(lines))).collect(),
            all,
        }
    }
}

/// What stands before the first TAB of a line, and behind it.
fn at_tab(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let tab = memchr::memchr(b'\t', line)?;
    let (name, behind) = line.split_at(tab);
    Some((name, behind.get(1..)?))
}

/// Lines with a password for one file.
#[derive(Default)]
pub(super) struct OwnLines {
    lines: BTreeSet<usize>,
    /// By the place of the file.
    places: HashMap<usize, BTreeSet<usize>>,
}

/// What to try.
pub(super) struct Attempts {
    pub all: Vec<Attempt>,
    /// Those that are for the file in this place, in the order of the lines.
    pub own: HashMap<usize, Vec<usize>>,
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
    /// It is tried where a line says so, and nowhere else.
    pub for_one_file: bool,
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
        let marked = Passwords::from_lines(b"\xef\xbb\xbfone\r\n");
        assert_eq!(marked.iter().collect::<Vec<_>>(), [b"one"]);
    }

    #[test]
    fn a_line_may_name_the_file_that_it_is_for() {
        let lines = b"a.p12\tone\nkeys/b.p12\ttwo\nnobody\tthree\na.p12\tfour\tand more\nx/a.p12\tone\none\n.p12\tfive\nb.p12\t\n";
        let passwords = Passwords::from_lines(lines);
        let paths = ["keys/a.p12", "keys/b.p12", "keys/x/a.p12"].map(Path::new);
        let own = passwords.of_files(paths.into_iter());
        let attempts = passwords.attempts(&own);
        let all: Vec<_> = attempts
            .all
            .iter()
            .map(|one| (one.opened, one.password.octets(), one.for_one_file))
            .collect();
        let expected: [(_, &[u8], _); 6] = [
            // The sixth line is for all.
            (Opened::WithPassword(1), b"one", false),
            (Opened::WithPassword(2), b"two", true),
            (Opened::WithPassword(3), b"nobody\tthree", false),
            (Opened::WithPassword(4), b"four\tand more", true),
            (Opened::WithPassword(7), b".p12\tfive", false),
            (Opened::WithEmptyPassword, b"", false),
        ];
        assert_eq!(all.get(..5), expected.get(..5));
        assert_eq!(all.get(5), expected.get(5));
        let own = |place| attempts.own.get(&place).cloned().unwrap_or_default();
        assert_eq!((own(0), own(1)), (vec![0, 3], vec![1]));
        assert_eq!(own(2), [0, 3]);
    }

    #[test]
    fn each_password_is_tried_once_and_the_empty_one_last() {
        let passwords = Passwords::from_lines("one\n\none\nZo\u{eb}\n".as_bytes());
        let tried: Vec<_> = passwords
            .attempts(&OwnLines::default())
            .all
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
