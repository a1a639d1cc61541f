//! A worker's part: one message to the bytes that are written for it and the line about it.

use std::io;

use zeroize::Zeroizing;

use crate::archive::write::mbox::{self, CannotRepresent};
use crate::archive::{Archive, FileInfo, Item, Kind, ReadOptions, Variant};
use crate::crypto::digest::sha256;
use crate::facts::headers::headers;
use crate::facts::record::{Identifier, MessageFacts, Sha256};
use crate::facts::{Collected, Scratch, has_panicked};
use crate::jobs::migrate::message::{self, Decrypted, Kept, Migrated, RemovedLayer};
use crate::limits::Limits;
use crate::mime::header::Header;
use crate::mime::message::{Form, Message};
use crate::pipeline::Placed;
use crate::pki::x509::Name;
use crate::report::custody::{self, Action, Layer, OutputPlace, Recipient, Record, SourcePlace};
use crate::report::encode::hex;

/// How messages are migrated and stored.
#[derive(Clone, Debug)]
pub(super) struct Plan<'p> {
    pub options: message::Options,
    pub limits: &'p Limits,
    /// `--mbox-format`
    pub format: Option<Variant>,
}

/// What becomes of one message.
pub(super) struct Outcome {
    /// The line about it; its places are filled in by the writer.
    pub record: Record,
    /// What is written; None for the bytes that are stored.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
    /// A line end that goes behind it, outside of it.
    pub blank: &'static [u8],
    pub output_sha256: Sha256,
    /// It is still encrypted: the recipients that it names.
    pub recipients: Option<Vec<String>>,
    /// Not to be expected: the run is incomplete.
    pub panicked: bool,
}

/// Reasons that `migrate` does not know.
pub(super) const PANIC: &str = "panic";
pub(super) const NOT_REPRESENTABLE: &str = "not_representable";

impl Plan<'_> {
    pub fn work(&self, placed: Placed<'_>, collected: Collected, scratch: &mut Scratch) -> Outcome {
        let facts = collected.facts.as_deref();
        let source = facts
            .and_then(|facts| facts.sha256)
            .unwrap_or_else(|| sha256(placed.message.bytes));
        let panicked = facts.is_some_and(has_panicked);
        let message_id = match facts {
            Some(facts) => facts.headers.message_id.as_ref().map(|id| id.text.clone()),
            None => message_id(placed.message.bytes),
        };
        let recipients = facts.map(recipients).unwrap_or_default();
        let migrated = if panicked {
            Migrated::Copied(Kept::Damaged)
        } else {
            message::migrate(
                placed.message,
                collected,
                &self.options,
                self.limits,
                scratch,
            )
        };
        let mut outcome = self.outcome(placed, source, migrated);
        outcome.record.message_id = message_id;
        if let Some(reason) = &outcome.record.reason
            && reason != Kept::NotEncrypted.as_str()
        {
            outcome.recipients = Some(recipients);
        }
        if panicked {
            outcome.panicked = true;
            outcome.record.reason = Some(PANIC.to_owned());
        }
        outcome
    }

    fn outcome(&self, placed: Placed<'_>, source: Sha256, migrated: Migrated) -> Outcome {
        let decrypted = match migrated {
            Migrated::Copied(kept) => return self.copied(placed, source, kept.as_str()),
            Migrated::Decrypted(decrypted) => *decrypted,
        };
        let (bytes, blank) = match self.stored(placed, &decrypted) {
            Ok(stored) => stored,
            Err(reason) => return self.copied(placed, source, reason),
        };
        let mut record = record(source, Action::Decrypted, None);
        record.cms_sha256 = Some(hex(&decrypted.cms_sha256));
        record.entity_sha256 = Some(hex(&decrypted.entity_sha256));
        record.integrity = Some(decrypted.integrity.as_str().to_owned());
        record.layers = decrypted.layers.iter().map(layer).collect();
        record.findings = decrypted
            .findings
            .iter()
            .map(|found| match found.place.as_str() {
                "" => found.code.as_str().to_owned(),
                place => format!("{}@{place}", found.code.as_str()),
            })
            .collect();
        record.provenance = Some(decrypted.provenance);
        Outcome {
            record,
            output_sha256: sha256(&bytes),
            bytes: Some(bytes),
            blank,
            recipients: None,
            panicked: false,
        }
    }

    /// The decrypted message as its file stores it.
    fn stored(
        &self,
        placed: Placed<'_>,
        decrypted: &Decrypted,
    ) -> Result<(Zeroizing<Vec<u8>>, &'static [u8]), &'static str> {
        let Some(variant) = placed.file.variant.filter(|_| is_mbox(placed.file)) else {
            let bytes = decrypted.bytes.clone();
            let whole = placed.message.form == Form::Cms || self.is_one_message(placed, &bytes);
            return match whole {
                true => Ok((bytes, b"")),
                false => Err(Kept::ReadBackDiffers.as_str()),
            };
        };
        mbox::stored(
            &decrypted.bytes,
            decrypted.body_at,
            mbox::target(variant, self.format),
            placed.behind,
        )
        .map(|stored| (stored.bytes, stored.blank))
        .map_err(|CannotRepresent| NOT_REPRESENTABLE)
    }

    /// Does a file of these bytes hold one message, and all of it?
    fn is_one_message(&self, placed: Placed<'_>, bytes: &Zeroizing<Vec<u8>>) -> bool {
        if placed.file.kind == Kind::Maildir {
            return true; // Its name says that it is one, whatever it begins with.
        }
        let options = ReadOptions {
            limits: self.limits.clone(),
            block_bytes: bytes.len().saturating_add(1),
            file_times: false,
        };
        let reader = Box::new(io::Cursor::new(bytes.clone()));
        let Ok(mut archive) = Archive::from_reader("-", reader, options) else {
            return false;
        };
        let mut found = 0u64;
        while let Some(block) = archive.next_block() {
            for item in &block.items {
                match item {
                    Item::Message(located) => {
                        if block.message(located).bytes != bytes.as_slice() {
                            return false;
                        }
                        found += 1;
                    }
                    Item::Fault(_) | Item::Between { .. } => return false,
                    Item::FileStart { .. } | Item::FileEnd { .. } => {}
                }
            }
        }
        found == 1
    }

    fn copied(&self, placed: Placed<'_>, source: Sha256, reason: &str) -> Outcome {
        let copied = Outcome {
            record: record(source, Action::Copied, Some(reason.to_owned())),
            bytes: None,
            blank: b"",
            output_sha256: source,
            recipients: None,
            panicked: false,
        };
        let (Some(from), Some(to), true) = (placed.file.variant, self.format, is_mbox(placed.file))
        else {
            return copied;
        };
        let Message { bytes, origin, .. } = placed.message;
        match mbox::converted(bytes, origin.quoting, from, to, placed.behind) {
            Ok(stored) if stored.bytes.as_slice() == *bytes => Outcome {
                blank: stored.blank,
                ..copied
            },
            Ok(stored) => Outcome {
                record: record(source, Action::Converted, Some(reason.to_owned())),
                output_sha256: sha256(&stored.bytes),
                bytes: Some(stored.bytes),
                blank: stored.blank,
                ..copied
            },
            Err(CannotRepresent) => {
                let mut kept = copied;
                kept.record.findings = vec!["not_converted".to_owned()];
                kept
            }
        }
    }
}

pub(in crate::jobs) fn is_mbox(file: &FileInfo) -> bool {
    file.kind == Kind::Mbox
}

/// A line about a message without its places.
pub(in crate::jobs) fn record(source: Sha256, action: Action, reason: Option<String>) -> Record {
    Record {
        schema: custody::SCHEMA.to_owned(),
        kind: custody::Kind::Message,
        action,
        reason,
        message_id: None,
        source: SourcePlace {
            archive: 0,
            path: String::new(),
            offset: 0,
            length: 0,
            sha256: Some(hex(&source)),
        },
        output: Some(OutputPlace {
            path: String::new(),
            offset: 0,
            length: 0,
            sha256: String::new(),
            before_sha256: None,
        }),
        cms_sha256: None,
        entity_sha256: None,
        integrity: None,
        layers: Vec::new(),
        findings: Vec::new(),
        provenance: None,
        signer_sha256: None,
        envelope: Vec::new(),
        recipients: Vec::new(),
        cipher: None,
        bcc: false,
    }
}

/// Of a message that was not looked into.
fn message_id(message: &[u8]) -> Option<String> {
    let header = message.get(..mbox::body_at(message))?;
    let text = headers(&Header::new(header)).message_id?.text;
    Some(text)
}

/// Whom the encrypted layers name, each once: serial number and issuer, or the key identifier.
fn recipients(facts: &MessageFacts) -> Vec<String> {
    let mut all = Vec::new();
    for layer in &facts.layers {
        for recipient in layer.encrypted.iter().flat_map(|one| &one.recipients) {
            let name = match &recipient.identifier {
                Identifier::IssuerSerial { issuer, serial } => {
                    format!("serial {} of {}", hex(serial), Name::new(issuer).display())
                }
                Identifier::Ski(id) => format!("key {}", hex(id)),
                Identifier::None => recipient.kind.as_str().to_owned(),
            };
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    all
}

fn layer(layer: &RemovedLayer) -> Layer {
    let encrypted = layer.encrypted.as_ref();
    Layer {
        path: layer.path.clone(),
        kind: layer.kind.as_str().to_owned(),
        content_type: encrypted.map(|one| one.content_type.as_str().to_owned()),
        cipher: encrypted.map(|one| one.cipher.clone()),
        key_bits: encrypted.and_then(|one| one.key_bits),
        recipient: encrypted.map(|one| {
            let mut recipient = Recipient {
                kind: one.recipient_kind.as_str().to_owned(),
                ..Recipient::default()
            };
            match &one.recipient {
                Identifier::IssuerSerial { issuer, serial } => {
                    recipient.issuer_sha256 = Some(hex(&sha256(issuer)));
                    recipient.serial = Some(hex(serial));
                }
                Identifier::Ski(id) => recipient.ski = Some(hex(id)),
                Identifier::None => {}
            }
            recipient
        }),
        integrity: encrypted.map(|one| one.integrity.as_str().to_owned()),
        plaintext_sha256: encrypted.map(|one| hex(&one.plaintext_sha256)),
    }
}
