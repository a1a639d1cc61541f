//! Counters by value. Joining them is associative and commutative, so that blocks and shards give the same sums in any order.

use std::collections::BTreeMap;

use serde::Serialize;

/// How often each value was seen; a value that was not seen is absent. Values come in their own order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Counts<K: Ord>(BTreeMap<K, u64>);

impl<K: Ord> Default for Counts<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Counts<K> {
    /// Counts `key` once.
    pub fn add(&mut self, key: K) {
        self.add_many(key, 1);
    }

    /// Counts `key` several times; none is as if it had not been asked.
    pub fn add_many(&mut self, key: K, number: u64) {
        if number > 0 {
            *self.0.entry(key).or_default() += number;
        }
    }

    /// Adds the counts of `other`.
    pub fn join(&mut self, other: &Self) {
        for (key, number) in &other.0 {
            self.add_many(key.clone(), *number);
        }
    }

    /// How often `key` was seen.
    #[must_use]
    pub fn of(&self, key: &K) -> u64 {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// The sum over all values.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Every value that was seen, in order, with its number.
    pub fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        self.0.iter().map(|(key, number)| (key, *number))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl Counts<String> {
    /// Counts an algorithm by name. Dotted identifiers are `other`: a sender can invent any number of them. Empty ones are not counted.
    pub fn add_name(&mut self, name: &str) {
        let name = if name.starts_with(|c: char| c.is_ascii_digit()) {
            "other"
        } else {
            name
        };
        if name.is_empty() {
            return;
        }
        match self.0.get_mut(name) {
            Some(number) => *number += 1,
            None => self.add(name.to_owned()),
        }
    }

    /// Counts a key by its kind, short or as the table of object identifiers has it, and its size, as `rsa-2048`; of a
    /// curve the name says the size.
    pub fn add_key(&mut self, key: &str, bits: Option<u32>) {
        let kind = match key {
            "rsaEncryption" => "rsa",
            "id-RSASSA-PSS" => "rsa_pss",
            other => other,
        };
        match (kind, bits) {
            ("rsa" | "rsa_pss" | "dsa" | "dh", Some(bits)) => {
                self.add_name(&format!("{kind}-{bits}"))
            }
            _ => self.add_name(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_name_and_invented_algorithms_share_one() {
        let mut counts = Counts::default();
        for (key, bits) in [
            ("rsa", Some(2048)),
            ("rsaEncryption", Some(2048)),
            ("P-256", Some(256)),
            ("1.2.3.4", None),
            ("1.2.3.5", Some(7)),
            ("", None),
        ] {
            counts.add_key(key, bits);
        }
        let seen: Vec<_> = counts
            .iter()
            .map(|(key, number)| (key.as_str(), number))
            .collect();
        assert_eq!(seen, [("P-256", 1), ("other", 2), ("rsa-2048", 2)]);
    }
}
