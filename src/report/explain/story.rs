//! One message's story: layer by layer, signature by signature, clock by clock, and which fact decided.
//!
//! It tells what the record says, and judges nothing anew. What comes from mail is escaped and cut, so that it moves nothing on a
//! terminal and can't look like a line of ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;

use crate::asn1::Time;
use crate::facts::axis::{
    CertificateSource, Coverage, Decryption, Identity, Integrity, Signature, Structure,
};
use crate::judge::word::Word;
use crate::pki::trust::Chain;
use crate::report::escape::{cut, visible};
use crate::report::explain::{Text, texts, wrapped};
use crate::report::reread::{Decided, Encrypted, Judgement, Layer, Message, Signer};

/// What `certificates.csv` says of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// RFC 4514 text.
    pub subject: String,
    /// First second of validity.
    pub not_before: String,
    /// Last second of validity.
    pub not_after: String,
}

/// Reads `certificates.csv`, by SHA-256. Rows that can't be read are passed over.
pub fn subjects(table: impl Read) -> BTreeMap<String, Subject> {
    let mut reader = csv::Reader::from_reader(table);
    let names: Vec<String> = match reader.headers() {
        Ok(names) => names.iter().map(str::to_owned).collect(),
        Err(_) => return BTreeMap::new(),
    };
    let mut all = BTreeMap::new();
    for row in reader.records().filter_map(Result::ok) {
        let cell = |name: &str| {
            let at = names.iter().position(|one| one == name);
            at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
        };
        let subject = Subject {
            subject: cell("subject"),
            not_before: cell("not_before"),
            not_after: cell("not_after"),
        };
        all.insert(cell("sha256"), subject);
    }
    all
}

/// Characters of a text from mail.
const SHOWN_CHARS: usize = 200;

/// Digits of a digest that are enough to know it by.
const SHORT_DIGITS: usize = 16;

/// The first message that carries a revocation list or an OCSP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Its file, relative to the argument.
    pub path: String,
    /// In the uncompressed file.
    pub offset: u64,
    /// `producedAt` of a response.
    pub produced_at: Option<Time>,
}

/// The story of a message. `subjects`: of the report's certificates. `brought`: the lists and responses that mail carried, by SHA-256; None
/// where that is not known. Never fails; equal records give equal text.
#[must_use]
pub fn story(
    message: &Message,
    subjects: &BTreeMap<String, Subject>,
    brought: Option<&BTreeMap<String, Brought>>,
) -> String {
    let mut teller = Teller {
        out: String::new(),
        texts: texts(),
        subjects,
        brought,
    };
    teller.message(message);
    teller.out
}

struct Teller<'t> {
    out: String,
    texts: Vec<Text>,
    subjects: &'t BTreeMap<String, Subject>,
    brought: Option<&'t BTreeMap<String, Brought>>,
}

impl Teller<'_> {
    fn message(&mut self, message: &Message) {
        let named = &message.named;
        self.say(
            0,
            &format!(
                "Message {}#{}, {} bytes",
                shown(&named.path),
                named.offset,
                message.length
            ),
        );
        for (label, value) in [
            ("SHA-256", Some(&named.sha256)),
            ("Message-ID", Some(&named.message_id)),
            ("From", message.from.as_ref()),
            ("Sender", message.sender.as_ref()),
            ("Date", message.date.as_ref()),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                // Writing to a String never fails.
                let _ = writeln!(self.out, "  {label:<12}{}", shown(value));
            }
        }
        self.out.push('\n');
        let status = message.status.as_str();
        self.say(
            0,
            &format!("Status {status}: {}", self.means("status", status)),
        );
        self.why_status(message);
        for (number, layer) in (1..).zip(&message.layers) {
            self.out.push('\n');
            self.layer(number, layer);
        }
        self.findings(message);
    }

    /// Which layer or signature the status is of.
    fn why_status(&mut self, message: &Message) {
        let same = |signer: &&Signer| signer.verdict.as_str() == message.status.as_str();
        let numbered = (1..).zip(&message.layers);
        let of: Vec<String> = numbered
            .flat_map(|(number, layer)| {
                let signers = layer.signatures.iter().filter(same);
                signers.map(move |signer| format!("signature {} of layer {number}", signer.index))
            })
            .collect();
        if !of.is_empty() {
            self.say(2, &format!("It is the verdict on {}.", of.join(", ")));
        }
    }

    fn layer(&mut self, number: u32, layer: &Layer) {
        let kind = layer.kind.as_str();
        self.say(
            0,
            &format!(
                "Layer {number}, part {}, {kind}: {}",
                shown(&layer.path),
                self.means("kind", kind)
            ),
        );
        if layer.structure != Structure::Ok {
            self.axis(2, "structure", layer.structure.as_str());
        }
        if let Some(nested) = &layer.message {
            let from = nested.from.as_deref().unwrap_or("nobody");
            self.say(
                2,
                &format!(
                    "It is inside a message within the message, from {}.",
                    shown(from)
                ),
            );
        }
        if let Some(encrypted) = &layer.encrypted {
            self.encrypted(encrypted);
        }
        for signer in &layer.signatures {
            self.signer(signer);
        }
    }

    fn encrypted(&mut self, encrypted: &Encrypted) {
        self.say(
            2,
            &format!(
                "The content is encrypted with {} for {}.",
                shown(&encrypted.cipher),
                counted(encrypted.recipients.len(), "recipient")
            ),
        );
        for (number, recipient) in (1..).zip(&encrypted.recipients) {
            let found = match recipient.key_found {
                true => "a key answers to it",
                false => "no key answers to it",
            };
            self.say(
                2,
                &format!(
                    "Recipient {number} ({}): {found}, {}.",
                    recipient.kind.as_str(),
                    recipient.result.as_str()
                ),
            );
        }
        self.axis(2, "decryption", encrypted.decryption.as_str());
        if let Some(matched) = encrypted.matched_by {
            self.axis(2, "matched_by", matched.as_str());
        }
        match (encrypted.integrity, encrypted.decryption) {
            (Some(integrity), _) => self.axis(2, "integrity", integrity.as_str()),
            (None, Decryption::Decrypted) => {
                self.axis(2, "integrity", Integrity::None.as_str());
            }
            (None, _) => {}
        }
    }

    fn signer(&mut self, signer: &Signer) {
        self.say(
            2,
            &format!("Signature {}, {}", signer.index, self.who(signer)),
        );
        for (axis, word) in [
            ("digest", signer.digest.as_str()),
            ("attributes", signer.attributes.as_str()),
            ("signature", signer.signature.as_str()),
            ("certificate_source", signer.certificate_source.as_str()),
            ("identity", signer.identity.as_str()),
            ("coverage", signer.coverage.as_str()),
        ] {
            self.axis(4, axis, word);
        }
        if !signer.uncovered.is_empty() {
            let parts: Vec<String> = signer.uncovered.iter().map(|part| shown(part)).collect();
            self.say(4, &format!("Not covered: part {}.", parts.join(", ")));
        }
        self.say(4, &algorithms(signer));
        for time in &signer.times {
            self.say(
                4,
                &format!(
                    "Time {}: {}, {}.",
                    shown(&time.at),
                    shown(&time.source),
                    shown(&time.grade)
                ),
            );
        }
        for token in &signer.timestamps {
            let at = token.at.as_deref().unwrap_or("none");
            let signature = token.signature.map_or("none", Signature::as_str);
            self.say(
                4,
                &format!(
                    "Timestamp token: time {}, imprint {}, structure {}, signature {signature}.",
                    shown(at),
                    token.imprint.as_str(),
                    token.structure.as_str()
                ),
            );
        }
        let judgements = &signer.judgements;
        self.clock("now", &judgements.now, signer);
        if let Some(at) = &judgements.evidenced {
            self.clock("evidenced", at, signer);
        }
        if let Some(at) = &judgements.claimed {
            self.clock("claimed", at, signer);
        }
        if !signer.path.is_empty() {
            self.say(4, "Path at the clock that decided, the signer first:");
            for sha256 in &signer.path {
                self.say(6, &self.certificate(sha256));
            }
        }
        self.say(4, &headline(signer));
        self.say(
            4,
            &format!(
                "In the terms of ETSI EN 319 102-1: {}.",
                shown(&signer.etsi)
            ),
        );
    }

    fn who(&self, signer: &Signer) -> String {
        let name = &signer.signer;
        let addresses: Vec<String> = name.addresses.iter().map(|one| shown(one)).collect();
        let mut who = match addresses.is_empty() {
            true => "by a signer without an address".to_owned(),
            false => format!("by {}", addresses.join(", ")),
        };
        match (&name.certificate, &name.issuer, &name.serial) {
            (Some(certificate), _, _) => {
                let _ = write!(who, ", certificate {}", self.certificate(certificate));
            }
            (None, Some(issuer), Some(serial)) => {
                let _ = write!(
                    who,
                    ", who is named as number {} of {} and whose certificate is not known",
                    shown(serial),
                    shown(issuer)
                );
            }
            (None, _, _) => who.push_str(", whose certificate is not known"),
        }
        who
    }

    fn certificate(&self, sha256: &str) -> String {
        let short: String = sha256.chars().take(SHORT_DIGITS).collect();
        match self.subjects.get(sha256) {
            Some(about) => format!(
                "{} ({}, valid from {} to {})",
                shown(&short),
                shown(&about.subject),
                shown(&about.not_before),
                shown(&about.not_after)
            ),
            None => format!(
                "{} (no message carries it: it was given as a file)",
                shown(&short)
            ),
        }
    }

    /// Where a list or a response comes from.
    fn whence(&self, sha256: &str) -> String {
        let Some(brought) = self.brought else {
            return "where it was is not known: the facts can't be read".to_owned();
        };
        match brought.get(sha256) {
            Some(one) => {
                let mut text = format!("in mail, first in {}#{}", shown(&one.path), one.offset);
                if let Some(at) = one.produced_at {
                    let _ = write!(text, ", signed {}", String::from_utf8_lossy(&at.rfc3339()));
                }
                text
            }
            None => "no message carries it: it was given as a file, or is in a store".to_owned(),
        }
    }

    fn clock(&mut self, name: &str, at: &Judgement, signer: &Signer) {
        let mut line = format!("Clock {name}, {}: {}", shown(&at.at), at.verdict.as_str());
        let _ = write!(line, ", because {}", because(at.verdict, signer, at));
        self.say(4, &line);
        let Some(chain) = at.chain else {
            return;
        };
        let revocation = at.revocation.map_or("none", |value| value.as_str());
        let strength = at.strength.map_or("none", |value| value.as_str());
        let mut line = format!("chain {}", chain.as_str());
        let others: Vec<&str> = at
            .chain_reasons
            .iter()
            .filter(|reason| **reason != chain)
            .map(|reason| reason.as_str())
            .collect();
        if !others.is_empty() {
            let _ = write!(line, " (also {})", others.join(", "));
        }
        let _ = write!(line, ", revocation {revocation}, strength {strength}");
        if !at.strength_reasons.is_empty() {
            let reasons: Vec<String> = at.strength_reasons.iter().map(|one| shown(one)).collect();
            let _ = write!(line, " ({})", reasons.join(", "));
        }
        line.push('.');
        self.say(6, &line);
        if let Some(source) = &at.revocation_source {
            let short = |digest: &str| digest.chars().take(SHORT_DIGITS).collect::<String>();
            let mut line = format!("About {}", shown(&short(&source.certificate)));
            for (digest, what) in [(&source.crl, "list"), (&source.ocsp, "OCSP response")] {
                if let Some(digest) = digest {
                    let _ = write!(line, " the {what} {} decided", shown(digest));
                    let _ = write!(line, " ({})", self.whence(digest));
                }
            }
            if let Some(from) = &source.this_update {
                let _ = write!(line, ", of {}", shown(from));
            }
            if let Some(until) = &source.next_update {
                let _ = write!(line, ", next due {}", shown(until));
            }
            if let Some(revoked) = &source.revoked_at {
                let reason = source.reason.as_deref().unwrap_or("no reason given");
                let _ = write!(
                    line,
                    "; revoked from {} ({})",
                    shown(revoked),
                    shown(reason)
                );
            }
            line.push('.');
            self.say(6, &line);
        }
    }

    fn findings(&mut self, message: &Message) {
        if message.findings.is_empty() {
            return;
        }
        self.out.push('\n');
        self.say(0, "Findings:");
        for finding in &message.findings {
            let code = finding.code.as_str();
            let place = match finding.place.as_str() {
                "" => "the message".to_owned(),
                place => shown(place),
            };
            self.say(
                2,
                &format!("{code} ({place}): {}", self.means("finding", code)),
            );
        }
    }

    /// A value and what it means.
    fn axis(&mut self, indent: usize, axis: &str, word: &str) {
        self.say(
            indent,
            &format!("{axis} {word}: {}", self.means(axis, word)),
        );
    }

    fn means(&self, axis: &str, word: &str) -> &'static str {
        self.texts
            .iter()
            .find(|text| text.word == word && text.axes.contains(&axis))
            .map_or("", |text| text.means)
    }

    fn say(&mut self, indent: usize, text: &str) {
        for (index, line) in wrapped(text).into_iter().enumerate() {
            let hang = if index == 0 { indent } else { indent + 2 };
            let _ = writeln!(self.out, "{:hang$}{line}", "");
        }
    }
}

/// Text from mail, escaped and cut; quoted where it has blanks, so that it can't be taken for our own words.
fn shown(text: &str) -> String {
    let text = visible(&cut(text, SHOWN_CHARS)).into_owned();
    match text.contains(char::is_whitespace) {
        true => format!("\"{}\"", text.replace('"', "'")),
        false => text,
    }
}

fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn algorithms(signer: &Signer) -> String {
    let names = &signer.algorithms;
    let mut line = format!(
        "Algorithms: digest {}, signature {}",
        shown(&names.digest),
        shown(&names.signature)
    );
    if !names.key.is_empty() {
        let _ = write!(line, ", key {}", shown(&names.key));
    }
    if let Some(bits) = names.key_bits {
        let _ = write!(line, " of {bits} bits");
    }
    if let Some(padding) = &names.padding {
        let _ = write!(line, ", padding {}", shown(padding));
    }
    line.push('.');
    line
}

/// The fact behind a word: of the axes, the one that the word stands for.
fn because(word: Word, signer: &Signer, at: &Judgement) -> String {
    let chain = at.chain.map_or("not known", Chain::as_str);
    match word {
        Word::Malformed => format!(
            "the layer's structure or the signed attributes (attributes {}) are not in order; no clock changes that.",
            signer.attributes.as_str()
        ),
        Word::Altered => format!(
            "the content is not what was signed (digest {}); no clock changes that.",
            signer.digest.as_str()
        ),
        Word::SignatureBroken => format!(
            "the signature value does not verify (signature {}); no clock changes that.",
            signer.signature.as_str()
        ),
        Word::Unsupported => format!(
            "it could not be checked to the end (digest {}, signature {}); no clock changes that.",
            signer.digest.as_str(),
            signer.signature.as_str()
        ),
        Word::NoCertificate => format!(
            "the signer's certificate is not known (certificate_source {}); no clock changes that.",
            signer.certificate_source.as_str()
        ),
        Word::SignerUntrusted => format!("of the chain: {chain}."),
        Word::SignerRevoked => match &at.revocation {
            Some(revocation) => format!(
                "a certificate of the path is revoked (revocation {}).",
                revocation.as_str()
            ),
            None => "a certificate of the path is revoked.".to_owned(),
        },
        Word::SignerNotYetValid | Word::SignerExpired => {
            format!("that time is outside of a certificate's validity (chain {chain}).")
        }
        Word::RevocationUnknown => {
            "nothing says that the path is not revoked, and that was demanded.".to_owned()
        }
        Word::WeakCrypto => "an algorithm or key is broken.".to_owned(),
        Word::WrongSender | Word::SenderNotComparable => match signer.identity {
            Identity::AmbiguousFrom => {
                "From does not say who the one sender is (identity ambiguous_from).".to_owned()
            }
            other => format!(
                "the certificate does not have the sender's address (identity {}).",
                other.as_str()
            ),
        },
        Word::ValidAsClaimed => "all is good if the claimed time is true.".to_owned(),
        Word::Valid => {
            let mut text = "every axis has its good value.".to_owned();
            match signer.coverage {
                Coverage::WholeMessage => {}
                Coverage::WholeBody => text.push_str(" It covers the body, not the header fields."),
                Coverage::Subpart | Coverage::NestedMessage => {
                    text.push_str(" It does not cover the whole message.");
                }
            }
            if signer.certificate_source == CertificateSource::OtherMessage {
                text.push_str(" The certificate came with another message.");
            }
            text
        }
    }
}

/// By which rule the headline came about (verdict.md, "The headline").
fn headline(signer: &Signer) -> String {
    let word = signer.verdict.as_str();
    let judgements = &signer.judgements;
    let at = |judgement: &Option<Judgement>| {
        judgement
            .as_ref()
            .map(|judgement| shown(&judgement.at))
            .unwrap_or_default()
    };
    match signer.decided() {
        Decided::Fixed => format!(
            "Verdict {word}: {}",
            because(signer.verdict, signer, &judgements.now)
        ),
        Decided::Evidenced => format!(
            "Verdict {word}: the word at {}, a time that somebody other than the signer stands for.",
            at(&judgements.evidenced)
        ),
        Decided::Now => format!("Verdict {word}: it is valid at the run's own time."),
        Decided::Compromised => format!(
            "Verdict {word}: at the claimed time {} all was good, but a certificate of the path is known to be revoked, at whatever time, as a stolen key's is: who has the key can claim any time.",
            at(&judgements.claimed)
        ),
        Decided::Claimed if signer.verdict == Word::ValidAsClaimed => format!(
            "Verdict {word}: at the claimed time {} all was good. Nobody but the message stands for that time, and at the run's own time it is {}.",
            at(&judgements.claimed),
            judgements.now.verdict.as_str()
        ),
        Decided::Claimed => format!(
            "Verdict {word}: the word at the claimed time {}; at the run's own time it is not valid either.",
            at(&judgements.claimed)
        ),
        Decided::NowAlone => {
            format!("Verdict {word}: the word at the run's own time, as the message claims none.")
        }
    }
}
