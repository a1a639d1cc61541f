//! A line of `messages.jsonl` read back: what `explain` tells and `extract` hands out. Fields that neither needs are passed over.

use serde::Deserialize;

use crate::facts::axis::{
    Attributes, CertificateSource, Coverage, Decryption, Digest, Identity, Integrity, LayerKind,
    MatchedBy, RecipientKind, Signature, Structure,
};
use crate::facts::finding::Finding;
use crate::facts::record::Sha256;
use crate::judge::status::Status;
use crate::judge::strength::Strength;
use crate::judge::word::Word;
use crate::pki::trust::{Chain, Revocation};

/// Where a message stands and what names it: enough to find it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Index into inputs.csv.
    pub archive: u32,
    /// Relative to the argument.
    pub path: String,
    /// In the uncompressed file, in bytes.
    pub offset: u64,
    /// Of the stored message, lower-case hexadecimal.
    #[serde(default)]
    pub sha256: String,
    /// As written.
    #[serde(default)]
    pub message_id: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Its place and its names.
    #[serde(flatten)]
    pub named: Named,
    /// Bytes as stored.
    pub length: u64,
    /// From, decoded.
    #[serde(default)]
    pub from: Option<String>,
    /// Sender, decoded.
    #[serde(default)]
    pub sender: Option<String>,
    /// Date as written.
    #[serde(default)]
    pub date: Option<String>,
    /// The one word.
    pub status: Status,
    /// The worst of its signatures.
    #[serde(default)]
    pub verdict: Option<Word>,
    /// Outermost first.
    pub layers: Vec<Layer>,
    /// Of the message, its layers and its signatures.
    #[serde(default)]
    pub findings: Vec<FindingAt>,
}

/// A finding and its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FindingAt {
    /// What was seen.
    pub code: Finding,
    /// Empty for the message.
    #[serde(default)]
    pub place: String,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Layer {
    /// MIME part numbers; a layer inside another continues behind "/".
    pub path: String,
    /// What it is.
    pub kind: LayerKind,
    /// Is it in order?
    pub structure: Structure,
    /// The nested message that it belongs to.
    #[serde(default)]
    pub message: Option<Nested>,
    /// Of an encrypted layer.
    #[serde(default)]
    pub encrypted: Option<Encrypted>,
    /// Of a signed one.
    #[serde(default)]
    pub signatures: Vec<Signer>,
}

/// A message inside the message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Nested {
    /// Its From.
    #[serde(default)]
    pub from: Option<String>,
}

/// An encrypted layer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Encrypted {
    /// The cipher.
    pub cipher: String,
    /// What became of it.
    pub decryption: Decryption,
    /// How a recipient was matched.
    #[serde(default)]
    pub matched_by: Option<MatchedBy>,
    /// What vouches for the plaintext.
    #[serde(default)]
    pub integrity: Option<Integrity>,
    /// The recipients.
    #[serde(default)]
    pub recipients: Vec<Recipient>,
}

/// A recipient.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Recipient {
    /// How the key reaches it.
    pub kind: RecipientKind,
    /// What became of it.
    pub result: Decryption,
    /// A key answers to its identifier.
    pub key_found: bool,
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Signer {
    /// Position among the SignerInfos, from 0.
    pub index: u32,
    /// Whom it names.
    pub signer: SignerName,
    /// The axes.
    pub digest: Digest,
    /// See [`Attributes`].
    pub attributes: Attributes,
    /// See [`Signature`].
    pub signature: Signature,
    /// See [`CertificateSource`].
    pub certificate_source: CertificateSource,
    /// See [`Identity`].
    pub identity: Identity,
    /// See [`Coverage`].
    pub coverage: Coverage,
    /// Parts that are not covered.
    #[serde(default)]
    pub uncovered: Vec<String>,
    /// Named.
    pub algorithms: Algorithms,
    /// Best first.
    pub times: Vec<TimeAt>,
    /// At each clock.
    pub judgements: Judgements,
    /// SHA-256 of the path at the clock that decided, the signer first.
    #[serde(default)]
    pub path: Vec<String>,
    /// The headline.
    pub verdict: Word,
    /// In the terms of ETSI EN 319 102-1.
    pub etsi: String,
    /// Timestamp tokens.
    #[serde(default)]
    pub timestamps: Vec<Token>,
}

/// Whom a SignerInfo names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SignerName {
    /// SHA-256 of the certificate.
    #[serde(default)]
    pub certificate: Option<String>,
    /// As written, without a certificate.
    #[serde(default)]
    pub issuer: Option<String>,
    /// As written, without a certificate.
    #[serde(default)]
    pub serial: Option<String>,
    /// Of the certificate.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// Algorithms of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Algorithms {
    /// The digest.
    #[serde(default)]
    pub digest: String,
    /// The signature.
    #[serde(default)]
    pub signature: String,
    /// The key's kind or curve.
    #[serde(default)]
    pub key: String,
    /// Its size.
    #[serde(default)]
    pub key_bits: Option<u32>,
    /// PSS: `mgf1-sha256/32`.
    #[serde(default)]
    pub padding: Option<String>,
}

/// A time with its source and grade.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TimeAt {
    /// Where it stands.
    pub source: String,
    /// Who stands for it.
    pub grade: String,
    /// RFC 3339.
    pub at: String,
}

/// At the three clocks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Judgements {
    /// At the run's clock.
    pub now: Judgement,
    /// At a time that somebody stands for.
    #[serde(default)]
    pub evidenced: Option<Judgement>,
    /// At the time that the message claims.
    #[serde(default)]
    pub claimed: Option<Judgement>,
}

/// At one clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Judgement {
    /// RFC 3339.
    pub at: String,
    /// The path.
    #[serde(default)]
    pub chain: Option<Chain>,
    /// All that hinders it.
    #[serde(default)]
    pub chain_reasons: Vec<Chain>,
    /// The worst of the path.
    #[serde(default)]
    pub revocation: Option<Revocation>,
    /// What decided it.
    #[serde(default)]
    pub revocation_source: Option<RevocationSource>,
    /// Of algorithms and keys.
    #[serde(default)]
    pub strength: Option<Strength>,
    /// What is weak or broken.
    #[serde(default)]
    pub strength_reasons: Vec<String>,
    /// The word.
    pub verdict: Word,
}

/// The evidence of a revocation value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RevocationSource {
    /// SHA-256 of the CRL; absent where something else decided.
    #[serde(default)]
    pub crl: Option<String>,
    /// SHA-256 of the OCSP response; absent where something else decided.
    #[serde(default)]
    pub ocsp: Option<String>,
    /// thisUpdate.
    #[serde(default)]
    pub this_update: Option<String>,
    /// nextUpdate.
    #[serde(default)]
    pub next_update: Option<String>,
    /// SHA-256 of the certificate that it speaks of.
    pub certificate: String,
    /// From when on.
    #[serde(default)]
    pub revoked_at: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A timestamp token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Token {
    /// Is it in order?
    pub structure: Structure,
    /// Is it over this signature?
    pub imprint: Digest,
    /// Its time.
    #[serde(default)]
    pub at: Option<String>,
    /// Its own signature.
    #[serde(default)]
    pub signature: Option<Signature>,
}

/// What decided the headline of a signature (verdict.md, "The headline").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// A fact that no clock changes.
    Fixed,
    /// The word at the time that somebody stands for.
    Evidenced,
    /// `valid` at the run's clock.
    Now,
    /// The word at the claimed time.
    Claimed,
    /// The word at the claimed time was `valid`, and a certificate is known to be revoked, whenever, as a stolen key's is.
    Compromised,
    /// The word at the run's clock, as no time is claimed.
    NowAlone,
}

impl Signer {
    /// By which rule the headline came about.
    #[must_use]
    pub fn decided(&self) -> Decided {
        match self.verdict {
            Word::Malformed
            | Word::Altered
            | Word::SignatureBroken
            | Word::Unsupported
            | Word::NoCertificate => return Decided::Fixed,
            _ if self.judgements.evidenced.is_some() => return Decided::Evidenced,
            _ => {}
        }
        match &self.judgements.claimed {
            _ if self.judgements.now.verdict == Word::Valid => Decided::Now,
            Some(claimed)
                if claimed.verdict == Word::Valid && self.verdict == Word::SignerRevoked =>
            {
                Decided::Compromised
            }
            Some(_) => Decided::Claimed,
            None => Decided::NowAlone,
        }
    }

    /// The judgement at the clock whose path the record has.
    #[must_use]
    pub fn decisive(&self) -> &Judgement {
        let judgements = &self.judgements;
        match (&judgements.evidenced, &judgements.claimed) {
            (Some(evidenced), _) => evidenced,
            (None, Some(claimed)) if judgements.now.verdict != Word::Valid => claimed,
            (None, _) => &judgements.now,
        }
    }
}

/// Reads where a record's message stands; None where the line is none.
#[must_use]
pub fn named(line: &[u8]) -> Option<Named> {
    serde_json::from_slice(line).ok()
}

/// Reads a record; None where the line is none of this version.
#[must_use]
pub fn message(line: &[u8]) -> Option<Message> {
    serde_json::from_slice(line).ok()
}

/// The arguments in `run.json`; None where it is none.
#[must_use]
pub fn arguments(json: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Run {
        arguments: Vec<String>,
    }
    let run: Run = serde_json::from_slice(json).ok()?;
    Some(run.arguments)
}

/// Octets of lower-case hexadecimal; None where the text is none of 32 octets.
#[must_use]
pub fn sha256(text: &str) -> Option<Sha256> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |octet: u8| match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    };
    let octets: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect();
    octets?.try_into().ok()
}
