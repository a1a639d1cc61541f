//! What `collect` gives: the facts of a message, its layers, signatures and recipients.

use serde::{Deserialize, Serialize};

use crate::asn1::Time;
use crate::facts::axis::{
    Attributes, CertificateSource, Coverage, Decryption, Digest, EncryptedType, Identity,
    Integrity, LayerKind, MatchedBy, RecipientKind, Signature, Structure, TimeSource,
    TimestampKind,
};
use crate::facts::finding::{Finding, FindingAt};

/// A SHA-256 digest: names a certificate, a message or a content.
pub type Sha256 = [u8; 32];

/// The facts of one message with S/MIME in it (or of any message, when all were asked for).
///
/// No place is in here: the pipeline knows archive and offset, and equal bytes give equal facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFacts {
    /// Of the stored message; absent for ordinary mail unless all were asked for.
    pub sha256: Option<Sha256>,
    /// The header fields that a report shows.
    pub headers: Headers,
    /// Sender addresses of the message, for the identity of signers found later.
    pub sender: Addresses,
    /// Claimed times of the message itself, best first.
    pub times: Vec<ClaimedTime>,
    /// What the header holds that an operator may stand for.
    pub trace: Trace,
    /// Outermost first, in document order.
    pub layers: Vec<LayerFacts>,
    /// Messages inside message/rfc822 parts that have layers.
    pub nested: Vec<NestedMessage>,
    /// Of the innermost MIME entity whose bytes a layer signed or encrypted, line ends as CR LF.
    pub content_sha256: Option<Sha256>,
    /// Of the message and its MIME structure; those of a layer stand there.
    pub findings: Vec<FindingAt>,
}

/// Header fields for people, decoded; addresses for comparison are in [`Addresses`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    /// Message-ID as written, trimmed.
    pub message_id: Option<HeaderText>,
    /// From, decoded (RFC 2047).
    pub from: Option<HeaderText>,
    /// Sender, decoded.
    pub sender: Option<HeaderText>,
    /// Subject, decoded; shown only when asked for.
    pub subject: Option<HeaderText>,
    /// Date as written.
    pub date: Option<HeaderText>,
    /// The instant that Date names.
    pub date_utc: Option<Time>,
}

/// A header value: text, and its bytes where they are not valid UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderText {
    /// The text; what could not be read is U+FFFD.
    pub text: String,
    /// The stored bytes, only where `text` does not say them all.
    pub bytes: Option<Vec<u8>>,
}

/// The addr-specs a signer's certificate is compared with (RFC 8550 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Mailboxes of all From fields; what only looks like an address is an empty text.
    pub from: Vec<String>,
    /// Number of From fields.
    pub from_fields: u32,
    /// Mailboxes of the Sender field.
    pub sender: Vec<String>,
}

/// A time and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedTime {
    /// Where.
    pub source: TimeSource,
    /// When.
    pub at: Time,
}

/// What a message's header holds that an operator may stand for (`--trust-received`, `--assert-time`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The host that wrote the topmost Received field (RFC 5321 §4.4, `by`), in lower case; its time is among the claimed ones.
    pub received_by: Option<String>,
    /// Header fields but Received whose value is a time, in order.
    pub fields: Vec<FieldTime>,
}

/// A header field whose value is a time, or that has the name of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldTime {
    /// Its name in lower case.
    pub name: String,
    /// When. None where it can't be read, and another field of the name can.
    pub at: Option<Time>,
}

/// A message inside a message/rfc822 part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NestedMessage {
    /// Layer path and part number of the message/rfc822 part.
    pub path: String,
    /// Its From and Message-ID.
    pub headers: Headers,
    /// Its sender addresses.
    pub sender: Addresses,
    /// Its own claimed times.
    pub times: Vec<ClaimedTime>,
}

/// One S/MIME layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// MIME part number from the root; a layer inside another continues behind "/".
    pub path: String,
    /// What it is; for one that can't be read, what was announced.
    pub kind: LayerKind,
    /// Is it in order?
    pub structure: Structure,
    /// Index of the layer around it.
    pub inside: Option<u32>,
    /// Index into [`MessageFacts::nested`].
    pub nested: Option<u32>,
    /// Dotted or known name of the content type, where `kind` does not say it.
    pub content_type: Option<String>,
    /// One for each SignerInfo.
    pub signatures: Vec<SignatureFacts>,
    /// For encrypted layers.
    pub encrypted: Option<EncryptedFacts>,
    /// SHA-256 of the certificates carried, in the order in which they stand.
    pub certificates: Vec<Sha256>,
    /// Number of CRLs carried.
    pub crls: Vec<Sha256>,
    /// Sender addresses in the header that its signatures protect (RFC 9788, RFC 8551 §3.1), where that names any.
    pub protected: Option<Addresses>,
    /// The layer's findings, sorted.
    pub findings: Vec<Finding>,
}

/// Who a SignerInfo or RecipientInfo names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identifier {
    /// IssuerAndSerialNumber (RFC 5652 §10.2.4).
    IssuerSerial {
        /// The issuer's Name, DER as received.
        issuer: Vec<u8>,
        /// The serial number's minimal octets.
        serial: Vec<u8>,
    },
    /// SubjectKeyIdentifier.
    Ski(Vec<u8>),
    /// None, or none that could be read.
    None,
}

/// The facts of one SignerInfo, of a countersignature or of a timestamp token's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureFacts {
    /// Position among the SignerInfos, from 0.
    pub index: u32,
    /// The signer's certificate, once it is known.
    pub certificate: Option<Sha256>,
    /// Whom the SignerInfo names.
    pub identifier: Identifier,
    /// Addresses of the certificate.
    pub addresses: Vec<String>,
    /// See [`Digest`].
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
    /// Parts that are not covered: siblings at every level, by path.
    pub uncovered: Vec<String>,
    /// Named, not rated.
    pub algorithms: Algorithms,
    /// The signingTime attribute (RFC 5652 §11.3).
    pub signing_time: Option<Time>,
    /// What is needed to finish it with a certificate from elsewhere.
    pub pending: Option<Box<Pending>>,
    /// Countersignatures (RFC 5652 §11.4); they count for nothing but themselves.
    pub countersignatures: Vec<SignatureFacts>,
    /// Timestamp tokens (RFC 3161), in the order in which they stand.
    pub timestamps: Vec<TimestampFacts>,
    /// Sorted.
    pub findings: Vec<Finding>,
}

/// Algorithms of a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Algorithms {
    /// The digest's name, or its dotted identifier.
    pub digest: String,
    /// The signature algorithm's name: `rsa_v15`, `rsa_pss`, `ecdsa`, `dsa`, `ed25519` …, or its dotted identifier.
    pub signature: String,
    /// The key's kind: `rsa`, `dsa`, a curve's name …; empty without a certificate.
    pub key: String,
    /// The key's size in bits.
    pub key_bits: Option<u32>,
    /// The RSA public exponent, where it is below 2^64.
    pub exponent: Option<u64>,
    /// PSS: mask digest and salt length, as `mgf1-sha256/32`.
    pub padding: Option<String>,
}

/// What a signature needs to be finished once its certificate turns up (verdict.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The SignerInfo's digest algorithm, DER.
    pub digest_algorithm: Vec<u8>,
    /// The SignerInfo's signature algorithm, DER.
    pub signature_algorithm: Vec<u8>,
    /// The signature value.
    pub value: Vec<u8>,
    /// What was signed.
    pub signed: Signed,
    /// Hashes of the certificate in the ESS attributes: name of the digest and value.
    pub ess: Vec<(String, Vec<u8>)>,
}

/// What a signature value was made over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signed {
    /// The signed attributes as received and, where they differ, in DER order.
    Attributes {
        /// As received, tagged as SET OF.
        received: Vec<u8>,
        /// In DER order.
        sorted: Option<Vec<u8>>,
    },
    /// The content itself: the digest of each reading that is a candidate.
    Content(Vec<(Digest, Vec<u8>)>),
    /// The content itself, by an algorithm that needs all of it.
    NeedsContent,
}

/// The facts of a timestamp token (RFC 3161) on a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampFacts {
    /// What it is over.
    pub kind: TimestampKind,
    /// Is the token in order?
    pub structure: Structure,
    /// Does its imprint equal the digest of the signature value (RFC 3161 §2.4.2, appendix A)? That of an archive timestamp is not checked:
    /// it proves no time here.
    pub imprint: Digest,
    /// genTime.
    pub at: Option<Time>,
    /// The authority's signature over the token.
    pub signature: Option<Box<SignatureFacts>>,
}

/// The facts of one encrypted layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptedFacts {
    /// See [`EncryptedType`].
    pub content_type: EncryptedType,
    /// The content cipher's name, or its dotted identifier.
    pub cipher: String,
    /// Its key's size in bits; the effective ones of RC2.
    pub key_bits: Option<u32>,
    /// The key is derived with HKDF (RFC 9709), so that the cipher can't have been exchanged for another.
    pub cek_hkdf: bool,
    /// One for each RecipientInfo; a key agreement with several keys has several.
    pub recipients: Vec<RecipientFacts>,
    /// See [`Decryption`].
    pub decryption: Decryption,
    /// See [`MatchedBy`].
    pub matched_by: Option<MatchedBy>,
    /// See [`Integrity`]; only once decrypted.
    pub integrity: Option<Integrity>,
    /// Size of the plaintext.
    pub plaintext_bytes: Option<u64>,
    /// Of the plaintext as decrypted.
    pub plaintext_sha256: Option<Sha256>,
    /// Size of the encrypted content.
    pub ciphertext_bytes: u64,
}

/// The facts of one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientFacts {
    /// Position among the recipients, from 0.
    pub index: u32,
    /// See [`RecipientKind`].
    pub kind: RecipientKind,
    /// Whom it names.
    pub identifier: Identifier,
    /// Algorithms, named: `rsaEncryption`, `dhSinglePass-stdDH-sha256kdf-scheme aes256-wrap` …
    pub algorithm: String,
    /// A key of the keyring answers to the identifier.
    pub key_found: bool,
    /// What became of it.
    pub result: Decryption,
}
