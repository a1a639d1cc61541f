//! What a message says about certificates, for those who want nothing else of it: no content is hashed, nothing is judged.

use crate::asn1::Time;
use crate::facts::Carried;
use crate::facts::axis::Signature;
use crate::facts::record::{Identifier, Sha256};

/// Certificates alone are wanted: content is not hashed, and its digest is compared with nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    /// Signatures over signed attributes are verified with the certificate that the message carries; else none is.
    pub verify: bool,
    /// Certificates in attached files are taken, too.
    pub attachments: bool,
    /// What can be cut out of damaged parts is listed, apart from the rest.
    pub salvage: bool,
}

/// What one message said, besides the certificates that it carries.
#[derive(Debug, Default)]
pub struct Sighted {
    /// Everybody whose signature, countersignature or timestamp is in it.
    pub signers: Vec<Signer>,
    /// How many certificates of another kind than X.509 it carries.
    pub other_certificates: u64,
    /// Structures that could not be read.
    pub damaged: u64,
    /// Certificates cut out of them, each once.
    pub salvaged: Vec<Carried>,
}

/// What somebody signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerRole {
    /// A layer of the mail.
    Signer,
    /// Another signature (RFC 5652 §11.4).
    Countersigner,
    /// A time (RFC 3161).
    Timestamp,
}

/// A signer's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The message carries it.
    Carried(Sha256),
    /// It does not.
    Elsewhere(Identifier),
}

/// One SignerInfo, as far as it says something about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// What was signed.
    pub role: SignerRole,
    /// With whose certificate.
    pub certificate: Named,
    /// It stands in a message inside the message.
    pub is_nested: bool,
    /// The From addresses of the message that it is of.
    pub from: Vec<String>,
    /// `valid` and `invalid` say something of the signed attributes alone.
    pub signature: Signature,
    /// The signingTime attribute (RFC 5652 §11.3).
    pub at: Option<Time>,
    /// The SMIMECapabilities attribute's value (RFC 8551 §2.5.2), where it is one.
    pub capabilities: Option<Vec<u8>>,
    /// The certificate that the signer wants mail encrypted to (RFC 8551 §2.5.3).
    pub preference: Option<Identifier>,
}
