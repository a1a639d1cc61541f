//! The schema of `messages.jsonl`: each field once, in the order in which it is written.
//!
//! What is not known is absent. `layers`, `certificates` and `findings` of a message are always there; a list inside a layer is
//! absent where it is empty. `manual/report.md` tells the same to readers, and the history of the fields.

use serde::Serialize;

use crate::facts::axis::{
    Attributes, CertificateSource, Coverage, Decryption, Digest, EncryptedType, Grade, Identity,
    Integrity, LayerKind, MatchedBy, RecipientKind, Signature, Structure, TimeSource,
    TimestampKind,
};
use crate::facts::finding::Finding;
use crate::judge::status::Status;
use crate::judge::strength::Strength;
use crate::judge::word::Word;
use crate::pki::trust::{Chain, Revocation};
use crate::report::encode::{Base64, Hex, Instant};

/// The name and version of the schema of a message's record.
pub const MESSAGE_SCHEMA: &str = "mailseal/message/1";

/// One line of `messages.jsonl`: a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageRecord<'a> {
    /// [`MESSAGE_SCHEMA`].
    pub schema: &'static str,
    /// Index into inputs.csv.
    pub archive: u32,
    /// The file's path, relative to the argument.
    pub path: &'a str,
    /// The path's bytes, where they are not valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<Base64<'a>>,
    /// Of the message in the uncompressed file, in bytes.
    pub offset: u64,
    /// Of the message as stored, in bytes.
    pub length: u64,
    /// Of the stored message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Hex<'a>>,
    /// Message-ID as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<&'a str>,
    /// Its bytes, where they are not valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id_base64: Option<Base64<'a>>,
    /// From, decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'a str>,
    /// Its bytes, where they are not valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_base64: Option<Base64<'a>>,
    /// Sender, decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<&'a str>,
    /// Its bytes, where they are not valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_base64: Option<Base64<'a>>,
    /// Date as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<&'a str>,
    /// Its bytes, where they are not valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_base64: Option<Base64<'a>>,
    /// The instant that Date names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_utc: Option<Instant>,
    /// Subject, decoded; only with `--subjects`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    /// Its bytes, where they are not valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_base64: Option<Base64<'a>>,
    /// The one word for the message.
    pub status: Status,
    /// The worst headline of its signatures; absent without signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Word>,
    /// The worst word at the claimed time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict_claimed: Option<Word>,
    /// The worst word at the run's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict_now: Option<Word>,
    /// The worst of its encrypted layers; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Decryption>,
    /// The S/MIME layers, outermost first.
    pub layers: Vec<LayerRecord<'a>>,
    /// Of the innermost MIME entity whose bytes a layer signed or encrypted, line ends as CR LF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_sha256: Option<Hex<'a>>,
    /// SHA-256 of every certificate carried, decrypted layers included; sorted, each once.
    pub certificates: Vec<Hex<'a>>,
    /// Of the message, its layers and its signatures; sorted by place, each once.
    pub findings: Vec<FindingRecord<'a>>,
}

/// A finding with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FindingRecord<'a> {
    /// What was seen.
    pub code: Finding,
    /// A layer's path, `path#index` for a signature, or a MIME part number; absent for the message.
    #[serde(skip_serializing_if = "Spot::is_message")]
    pub place: Spot<'a>,
}

/// Where a finding belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot<'a> {
    /// The layer's path or the MIME part number; empty for the message.
    pub path: &'a str,
    /// The signature's index.
    pub signature: Option<u32>,
}

/// One S/MIME layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerRecord<'a> {
    /// MIME part numbers from the root; a layer inside another continues behind "/".
    pub path: &'a str,
    /// What it is.
    pub kind: LayerKind,
    /// Is it in order?
    pub structure: Structure,
    /// The content type's name or dotted identifier, where `kind` does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<&'a str>,
    /// The nested message that it belongs to; absent for the message itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<NestedRecord<'a>>,
    /// Its findings; those of its signatures stand in the message's list.
    #[serde(skip_serializing_if = "<[Finding]>::is_empty")]
    pub findings: &'a [Finding],
    /// Of an encrypted layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<EncryptedRecord<'a>>,
    /// Of a signed layer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<SignatureRecord<'a>>,
    /// SHA-256 of the certificates that it carries, in the order in which they stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Hex<'a>>,
    /// Number of CRLs that it carries.
    #[serde(skip_serializing_if = "is_zero")]
    pub crls: u32,
}

/// A message inside a message/rfc822 part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NestedRecord<'a> {
    /// Layer path and part number of the message/rfc822 part.
    pub path: &'a str,
    /// Its From, decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'a str>,
    /// Its bytes, where they are not valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_base64: Option<Base64<'a>>,
    /// Its Message-ID as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<&'a str>,
    /// Its bytes, where they are not valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id_base64: Option<Base64<'a>>,
}

/// What is special to an encrypted layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EncryptedRecord<'a> {
    /// Which kind of encrypted content.
    pub content_type: EncryptedType,
    /// The content cipher's name or dotted identifier.
    pub cipher: &'a str,
    /// Its key's size in bits; the effective ones of RC2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_bits: Option<u32>,
    /// True where the key is derived with HKDF (RFC 9709).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cek_hkdf: Option<bool>,
    /// One for each RecipientInfo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<RecipientRecord<'a>>,
    /// What became of it.
    pub decryption: Decryption,
    /// How a recipient was matched to a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_by: Option<MatchedBy>,
    /// What vouches for the plaintext.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Integrity>,
    /// Size of the encrypted content.
    pub ciphertext_bytes: u64,
    /// Size of the plaintext.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext_bytes: Option<u64>,
    /// Of the plaintext as decrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext_sha256: Option<Hex<'a>>,
}

/// One RecipientInfo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecipientRecord<'a> {
    /// Position among the recipients, from 0.
    pub index: u32,
    /// How the content key reaches it.
    pub kind: RecipientKind,
    /// The issuer that it names (RFC 4514).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<&'a str>,
    /// The serial number that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Hex<'a>>,
    /// The subject key identifier that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ski: Option<Hex<'a>>,
    /// Algorithms, named.
    pub algorithm: &'a str,
    /// A key of the keyring answers to the identifier.
    pub key_found: bool,
    /// What became of it.
    pub result: Decryption,
}

/// One SignerInfo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignatureRecord<'a> {
    /// Position among the SignerInfos, from 0.
    pub index: u32,
    /// Who signed.
    pub signer: SignerRecord<'a>,
    /// Does the signed digest equal the content's?
    pub digest: Digest,
    /// Are the signed attributes in order?
    pub attributes: Attributes,
    /// Does the signature verify?
    pub signature: Signature,
    /// Where the certificate was found.
    pub certificate_source: CertificateSource,
    /// Does the certificate speak for the sender?
    pub identity: Identity,
    /// How much of the message is covered.
    pub coverage: Coverage,
    /// Parts that are not covered.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub uncovered: &'a [String],
    /// Named, not rated.
    pub algorithms: AlgorithmsRecord<'a>,
    /// Every time that was found, best first.
    pub times: Vec<TimeRecord>,
    /// At each clock.
    pub judgements: JudgementsRecord<'a>,
    /// SHA-256 of the signer's path at the clock that decided, leaf first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Hex<'a>>,
    /// The headline.
    pub verdict: Word,
    /// The headline in the terms of ETSI EN 319 102-1.
    pub etsi: &'static str,
    /// Countersignatures on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countersignatures: Vec<CountersignatureRecord<'a>>,
    /// Timestamp tokens on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timestamps: Vec<TimestampRecord<'a>>,
}

/// Whom a SignerInfo names: by certificate where it is known, else as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerRecord<'a> {
    /// SHA-256 of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Hex<'a>>,
    /// The issuer (RFC 4514).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<&'a str>,
    /// The serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Hex<'a>>,
    /// The subject key identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ski: Option<Hex<'a>>,
    /// Addresses of the certificate.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub addresses: &'a [String],
}

/// Algorithms of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlgorithmsRecord<'a> {
    /// The digest.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub digest: &'a str,
    /// The signature algorithm.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub signature: &'a str,
    /// The key's kind, or its curve.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub key: &'a str,
    /// The key's size in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_bits: Option<u32>,
    /// The RSA public exponent, decimal; a string, as it can be over 2^53.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exponent: Option<String>,
    /// Padding and its parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<&'a str>,
}

/// A time with its source and grade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimeRecord {
    /// Where it stands.
    pub source: TimeSource,
    /// Who stands for it.
    pub grade: Grade,
    /// When.
    pub at: Instant,
}

/// A signature at the three clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JudgementsRecord<'a> {
    /// At the run's clock.
    pub now: JudgementRecord<'a>,
    /// At a proven or asserted time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidenced: Option<JudgementRecord<'a>>,
    /// At the time that the message claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<JudgementRecord<'a>>,
}

/// A signature at one clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JudgementRecord<'a> {
    /// The clock's time.
    pub at: Instant,
    /// The path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// All failures of the path.
    #[serde(skip_serializing_if = "<[Chain]>::is_empty")]
    pub chain_reasons: &'a [Chain],
    /// The worst of the path's certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
    /// The evidence that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_source: Option<RevocationSourceRecord<'a>>,
    /// Of the algorithms and keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<Strength>,
    /// What is weak or broken.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub strength_reasons: &'a [String],
    /// The word.
    pub verdict: Word,
}

/// The evidence behind a revocation value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevocationSourceRecord<'a> {
    /// SHA-256 of the CRL that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl: Option<Hex<'a>>,
    /// SHA-256 of the OCSP response that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp: Option<Hex<'a>>,
    /// thisUpdate.
    pub this_update: Instant,
    /// nextUpdate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Instant>,
    /// SHA-256 of the certificate that it speaks of.
    pub certificate: Hex<'a>,
    /// From when on it counts as revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Instant>,
    /// The reason's name (RFC 5280 §5.3.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// A countersignature, or the signature of a timestamp token: facts only, it has no verdict of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountersignatureRecord<'a> {
    /// Position among the countersignatures from 0; one on a countersignature continues behind "/".
    pub path: String,
    /// Who signed.
    pub signer: SignerRecord<'a>,
    /// Does the signed digest equal that of the signature it is on?
    pub digest: Digest,
    /// Are the signed attributes in order?
    pub attributes: Attributes,
    /// Does it verify?
    pub signature: Signature,
    /// Where the certificate was found.
    pub certificate_source: CertificateSource,
    /// Named, not rated.
    pub algorithms: AlgorithmsRecord<'a>,
    /// The signingTime attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_time: Option<Instant>,
}

/// A timestamp token (RFC 3161).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimestampRecord<'a> {
    /// What it is over.
    pub kind: TimestampKind,
    /// Is the token in order?
    pub structure: Structure,
    /// Does its imprint equal the digest of the signature value?
    pub imprint: Digest,
    /// genTime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    /// Who signed it; absent where nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<SignerRecord<'a>>,
    /// Does the signed digest equal that of the token's content?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Are the signed attributes in order?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// Does the authority's signature verify?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Where the authority's certificate was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_source: Option<CertificateSource>,
    /// Named, not rated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithms: Option<AlgorithmsRecord<'a>>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
