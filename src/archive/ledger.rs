//! What lies in the folders of an archive when a run begins, what was handed out of them, and what is missing at the end: nothing that
//! comes, goes or is called otherwise meanwhile is passed over in silence.
//!
//! A mail program moves a message of a Maildir from `new` to `cur`, and changes its flags, by another name; what stays is the folder and
//! the part of the name before the flags. By these two, files are the same here. Files of equal parts are counted.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};

use crate::archive::block::FaultCode;
use crate::archive::maildir;

/// What was handed out of the folders. Digests of 64 bits stand for names: a million files are some 20 MB.
#[derive(Default)]
pub(super) struct Ledger {
    state: RandomState,
    /// Of whole paths.
    exact: HashSet<u64>,
    /// How many files of the same folder and the same lasting part of the name.
    lasting: HashMap<u64, u32>,
    /// An earlier run handed out what is not in here.
    pub is_blind: bool,
}

impl Ledger {
    /// A file was handed out, or a fault in its place.
    pub fn give(&mut self, argument: u32, path: &[u8]) {
        if self.exact.insert(self.exact_of(argument, path)) {
            let lasting = self.lasting_of(argument, path);
            *self.lasting.entry(lasting).or_default() += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    /// Whether a file was handed out under this name.
    pub fn is_given(&self, argument: u32, path: &[u8]) -> bool {
        self.exact.contains(&self.exact_of(argument, path))
    }

    fn exact_of(&self, argument: u32, path: &[u8]) -> u64 {
        self.state.hash_one((argument, path))
    }

    fn lasting_of(&self, argument: u32, path: &[u8]) -> u64 {
        self.state
            .hash_one((argument, maildir::folder(path), maildir::lasting(path)))
    }

    /// Which of these files, all that there are with their lasting parts, were not handed out: not under this name, nor under another.
    pub fn without_given(&self, argument: u32, paths: &[Vec<u8>]) -> Vec<bool> {
        let mut renamed: HashMap<u64, u32> = HashMap::new();
        let mut keys = Vec::with_capacity(paths.len());
        for path in paths {
            let lasting = self.lasting_of(argument, path);
            let is_given = self.exact.contains(&self.exact_of(argument, path));
            let given = self.lasting.get(&lasting).copied().unwrap_or(0);
            let left = renamed.entry(lasting).or_insert(given);
            if is_given {
                *left = left.saturating_sub(1);
            }
            keys.push((lasting, is_given));
        }
        keys.into_iter()
            .map(|(lasting, is_given)| {
                let left = renamed.entry(lasting).or_default();
                let is_renamed = !is_given && *left > 0;
                *left -= u32::from(is_renamed);
                !is_given && !is_renamed
            })
            .collect()
    }

    /// Whether a file with this lasting part was handed out of the folder.
    pub fn has_lasting(&self, argument: u32, path: &[u8]) -> bool {
        self.lasting.contains_key(&self.lasting_of(argument, path))
    }

    /// What is missing: files of `now` that were not handed out, and files of `then` that were not, either, and are gone.
    pub fn missing(&self, then: &Listing, now: &Listing) -> io::Result<Vec<Missing>> {
        let mut missing = Vec::new();
        let mut unread = Self {
            state: self.state.clone(),
            ..Self::default()
        };
        for (listing, code) in [(now, FaultCode::Appeared), (then, FaultCode::Vanished)] {
            let mut left = self.lasting.clone();
            listing.each(|argument, path| {
                if self.exact.contains(&self.exact_of(argument, path))
                    && let Some(left) = left.get_mut(&self.lasting_of(argument, path))
                {
                    *left = left.saturating_sub(1);
                }
            })?;
            listing.each(|argument, path| {
                if self.exact.contains(&self.exact_of(argument, path)) {
                    return;
                }
                if let Some(left) = left
                    .get_mut(&self.lasting_of(argument, path))
                    .filter(|left| **left > 0)
                {
                    *left -= 1;
                    return;
                }
                if code == FaultCode::Vanished && unread.has_lasting(argument, path) {
                    return;
                }
                unread.give(argument, path);
                missing.push(Missing {
                    argument,
                    path: path.to_vec(),
                    code,
                });
            })?;
        }
        Ok(missing)
    }
}

/// A file that was not handed out.
pub(super) struct Missing {
    pub argument: u32,
    pub path: Vec<u8>,
    pub code: FaultCode,
}

/// The files of all folders at one moment, compressed: `ARGUMENT/PATH`, NUL behind each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    bytes: Vec<u8>,
}

impl Listing {
    /// One of an earlier run, as [`Listing::bytes`] gave it; None where it is damaged.
    pub fn again(bytes: Vec<u8>) -> Option<Self> {
        let listing = Self { bytes };
        listing.each(|_, _| {}).ok()?;
        Some(listing)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn each(&self, mut with: impl FnMut(u32, &[u8])) -> io::Result<()> {
        let mut decoder = zstd::Decoder::new(self.bytes.as_slice())?;
        let mut chunk = vec![0; 64 << 10];
        let mut entry = Vec::new();
        loop {
            let count = decoder.read(&mut chunk)?;
            if count == 0 {
                return Ok(());
            }
            for octet in chunk.get(..count).unwrap_or_default() {
                if *octet != 0 {
                    entry.push(*octet);
                    continue;
                }
                let at = entry.iter().position(|octet| *octet == b'/');
                let argument = at
                    .and_then(|at| std::str::from_utf8(entry.get(..at)?).ok()?.parse().ok())
                    .ok_or(io::ErrorKind::InvalidData)?;
                let path = at.and_then(|at| entry.get(at + 1..)).unwrap_or_default();
                with(argument, path);
                entry.clear();
            }
        }
    }
}

/// A listing in the making.
pub(super) struct Lister {
    encoder: zstd::Encoder<'static, Vec<u8>>,
}

impl Lister {
    pub fn new() -> io::Result<Self> {
        let encoder = zstd::Encoder::new(Vec::new(), 1)?;
        Ok(Self { encoder })
    }

    pub fn file(&mut self, argument: u32, path: &[u8]) -> io::Result<()> {
        self.encoder.write_all(format!("{argument}/").as_bytes())?;
        self.encoder.write_all(path)?;
        self.encoder.write_all(&[0])
    }

    pub fn finish(self) -> io::Result<Listing> {
        let bytes = self.encoder.finish()?;
        Ok(Listing { bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paths: &[&str]) -> Listing {
        let mut lister = Lister::new().unwrap();
        for path in paths {
            lister.file(0, path.as_bytes()).unwrap();
        }
        lister.finish().unwrap()
    }

    fn missing(then: &[&str], given: &[&str], now: &[&str]) -> Vec<(FaultCode, String)> {
        let mut ledger = Ledger::default();
        given
            .iter()
            .for_each(|path| ledger.give(0, path.as_bytes()));
        let missing = ledger.missing(&listing(then), &listing(now)).unwrap();
        missing
            .into_iter()
            .map(|one| (one.code, String::from_utf8(one.path).unwrap()))
            .collect()
    }

    #[test]
    fn what_was_handed_out_under_any_name_is_not_missing() {
        let none: [(FaultCode, String); 0] = [];
        assert_eq!(missing(&["new/a"], &["new/a"], &["cur/a:2,S"]), none);
        assert_eq!(missing(&["new/a"], &["cur/a:2,"], &["cur/a:2,S"]), none);
        assert_eq!(missing(&["x/new/a"], &["x/new/a"], &[]), none);
    }

    #[test]
    fn what_came_went_or_is_there_twice_is_named_once() {
        let appeared = |path: &str| (FaultCode::Appeared, path.to_owned());
        let vanished = |path: &str| (FaultCode::Vanished, path.to_owned());
        let both = ["cur/a:2,", "cur/a:2,S"];
        assert_eq!(missing(&both, &both, &both), []);
        assert_eq!(missing(&both, &both[..1], &both), [appeared("cur/a:2,S")]);
        assert_eq!(
            missing(&both, &both[..1], &both[..1]),
            [vanished("cur/a:2,S")]
        );
        assert_eq!(
            missing(&["new/a"], &[], &["cur/a:2,S"]),
            [appeared("cur/a:2,S")]
        );
        // Equal names in other folders are other files.
        assert_eq!(
            missing(&["x/new/a"], &["y/new/a"], &["x/cur/a:2,"]).len(),
            1
        );
        assert_eq!(
            missing(&["a.eml"], &[], &["b.eml"]),
            [appeared("b.eml"), vanished("a.eml")]
        );
    }
}
