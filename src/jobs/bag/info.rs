//! `bag-info.txt` (RFC 8493 §2.2.2): when the bag was made, how much is in it, and the digests of what no manifest can have, since it
//! differs from run to run; its own is the last line. So a change of any byte shows. Whoever changes a bag on purpose can write them
//! anew: against that stands the signature over the tag manifest.

use crate::crypto::digest::sha256;
use crate::facts::record::Sha256;
use crate::jobs::bag::folder::AGENT;
use crate::report::encode::hex;

/// What `bag-info.txt` says. Its lines stand in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::jobs) struct BagInfo {
    /// Of the program.
    pub version: String,
    /// The day, as `2026-01-31`.
    pub day: String,
    /// Bytes below `data`.
    pub bytes: u64,
    /// Files below `data`.
    pub files: u64,
    /// Of `run.json`.
    pub run: Sha256,
    /// Of `tagmanifest-sha256.txt`.
    pub tags: Sha256,
    /// Of the signature, where there is one.
    pub signature: Option<Sha256>,
}

const RUN: &str = "Run-SHA256";
const TAGS: &str = "Tags-SHA256";
const SIGNATURE: &str = "Sign-SHA256";
const OWN: &str = "Info-SHA256";

impl BagInfo {
    /// The file.
    pub fn text(&self) -> String {
        let mut text = format!(
            "Bag-Software-Agent: {AGENT} {}\nBagging-Date: {}\nPayload-Oxum: {}.{}\n{RUN}: {}\n{TAGS}: {}\n",
            self.version,
            self.day,
            self.bytes,
            self.files,
            hex(&self.run),
            hex(&self.tags),
        );
        if let Some(signature) = &self.signature {
            text.push_str(&format!("{SIGNATURE}: {}\n", hex(signature)));
        }
        let own = hex(&sha256(text.as_bytes()));
        text.push_str(&format!("{OWN}: {own}\n"));
        text
    }

    /// Reads the file; None where it is not byte for byte what [`BagInfo::text`] gives.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let value = |label: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(label)?.strip_prefix(": "))
        };
        let (bytes, files) = value("Payload-Oxum")?.split_once('.')?;
        let info = Self {
            version: value("Bag-Software-Agent")?
                .strip_prefix(AGENT)?
                .strip_prefix(' ')?
                .to_owned(),
            day: value("Bagging-Date")?.to_owned(),
            bytes: bytes.parse().ok()?,
            files: files.parse().ok()?,
            run: digest(value(RUN)?)?,
            tags: digest(value(TAGS)?)?,
            signature: match value(SIGNATURE) {
                Some(text) => Some(digest(text)?),
                None => None,
            },
        };
        (info.text() == text).then_some(info)
    }
}

/// A digest in hexadecimal.
fn digest(text: &str) -> Option<Sha256> {
    let mut digest = Sha256::default();
    if text.len() != 2 * digest.len() {
        return None;
    }
    for (at, octet) in digest.iter_mut().enumerate() {
        *octet = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_no_byte_of_it_may_differ() {
        for signature in [None, Some([3; 32])] {
            let info = BagInfo {
                version: "1.2.3".to_owned(),
                day: "2026-01-31".to_owned(),
                bytes: 12,
                files: 3,
                run: [1; 32],
                tags: [0xab; 32],
                signature,
            };
            let text = info.text().into_bytes();
            assert_eq!(BagInfo::read(&text), Some(info));
            for at in 0..text.len() {
                for bit in [1, 0x20, 0x80] {
                    let mut changed = text.clone();
                    changed[at] ^= bit;
                    assert_eq!(BagInfo::read(&changed), None, "{at}");
                }
                assert_eq!(BagInfo::read(&text[..at]), None, "cut at {at}");
            }
            assert_eq!(BagInfo::read(&[&text[..], b"A: b\n"].concat()), None);
        }
    }
}
