//! Addresses and attribute values, each kept once in one piece of memory.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Texts by number. Up to a number of bytes in all: archives can hold any number of different ones.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each text ends.
    ends: Vec<u64>,
    numbers: HashTable<u32>,
    state: RandomState,
}

impl Texts {
    /// The number of a text, now or before. None where there is no room for a new one.
    pub fn number(&mut self, text: &[u8], room_bytes: usize) -> Option<u32> {
        let hash = self.state.hash_one(text);
        let found = self.numbers.find(hash, |number| {
            read(&self.bytes, &self.ends, *number) == text
        });
        if let Some(number) = found {
            return Some(*number);
        }
        if self.bytes.len().saturating_add(text.len()) > room_bytes {
            return None;
        }
        let number = u32::try_from(self.ends.len())
            .ok()
            .filter(|number| *number < MAX_TEXTS)?;
        self.bytes.extend_from_slice(text);
        self.ends.push(u64::try_from(self.bytes.len()).ok()?);
        let (bytes, ends, state) = (&self.bytes, &self.ends, &self.state);
        self.numbers.insert_unique(hash, number, |known| {
            state.hash_one(read(bytes, ends, *known))
        });
        Some(number)
    }

    /// A text; empty for a number that was not given out.
    pub fn get(&self, number: u32) -> &[u8] {
        read(&self.bytes, &self.ends, number)
    }
}

/// A number and a kind fit into 32 bits together.
pub(super) const MAX_TEXTS: u32 = 1 << 30;

fn read<'t>(bytes: &'t [u8], ends: &[u64], number: u32) -> &'t [u8] {
    let range = || {
        let index = usize::try_from(number).ok()?;
        let end = usize::try_from(*ends.get(index)?).ok()?;
        let start = match index.checked_sub(1) {
            Some(before) => usize::try_from(*ends.get(before)?).ok()?,
            None => 0,
        };
        bytes.get(start..end)
    };
    range().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_number_until_there_is_no_room() {
        let mut texts = Texts::default();
        assert_eq!(texts.number(b"a@b", 6), Some(0));
        assert_eq!(texts.number(b"", 6), Some(1));
        assert_eq!(texts.number(b"a@b", 6), Some(0));
        assert_eq!(texts.number(b"long", 6), None);
        assert_eq!(texts.number(b"x@y", 6), Some(2));
        assert_eq!(
            [texts.get(0), texts.get(1), texts.get(2), texts.get(3)],
            [&b"a@b"[..], b"", b"x@y", b""]
        );
        let mut many = Texts::default();
        for n in 0..10_000_u32 {
            assert_eq!(many.number(&n.to_be_bytes(), usize::MAX), Some(n));
        }
        for n in 0..10_000_u32 {
            assert_eq!(many.number(&n.to_be_bytes(), usize::MAX), Some(n));
        }
    }
}
