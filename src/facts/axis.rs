//! Every value that a fact can have, with its name in the report, its meaning and its source.

/// Declares an axis: value, report name and meaning stand together, the rest is made from them.
macro_rules! axis {
    (
        $(#[$doc:meta])*
        pub enum $name:ident {
            $($(#[$value_doc:meta])* $value:ident = $text:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[allow(missing_docs, reason = "a value whose name says it all has no text of its own")]
        pub enum $name {
            $($(#[$value_doc])* #[serde(rename = $text)] $value,)*
        }

        impl $name {
            /// Every value, in the order in which they are declared.
            pub const ALL: &'static [Self] = &[$(Self::$value),*];

            /// The word in the report.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)*
                }
            }
        }
    };
}

pub(crate) use axis;

axis! {
    /// Is the CMS structure of a layer in order?
    pub enum Structure {
        /// Readable, and complete.
        Ok = "ok",
        /// Not readable as CMS, or against RFC 5652 in a way that leaves its meaning open.
        Malformed = "malformed",
        /// SignedData without a SignerInfo where a signature was announced.
        NoSigners = "no_signers",
        /// SignedData without a SignerInfo that only carries certificates or CRLs (RFC 8551 §3.8).
        CertsOnly = "certs_only",
        /// A detached signature whose content is not there.
        ContentMissing = "content_missing",
    }
}

axis! {
    /// What a layer is.
    pub enum LayerKind {
        /// SignedData whose content stands outside (multipart/signed).
        Signed = "signed",
        /// SignedData with its content inside.
        Opaque = "opaque",
        /// EnvelopedData, and EncryptedData.
        Encrypted = "encrypted",
        /// AuthEnvelopedData (RFC 5083).
        AuthEncrypted = "auth_encrypted",
        /// CompressedData (RFC 3274).
        Compressed = "compressed",
        /// SignedData that only carries certificates or CRLs.
        CertsOnly = "certs_only",
        /// A timestamp token that stands by itself (RFC 3161).
        Timestamp = "timestamp",
        /// DigestedData (RFC 5652 §7).
        Digested = "digested",
        /// AuthenticatedData (RFC 5652 §9).
        Authenticated = "authenticated",
        /// Another content type, or none that could be read.
        Unknown = "unknown",
    }
}

axis! {
    /// Does the signed digest equal the digest of the content (RFC 5652 §5.4)?
    pub enum Digest {
        /// Equal over the bytes as stored.
        Match = "match",
        /// Equal once every line ends in CR LF (RFC 8551 §3.1.1).
        MatchCanonical = "match_canonical",
        /// Equal after the repair that `repair` names.
        MatchAfterRepair = "match_after_repair",
        /// Not equal.
        Mismatch = "mismatch",
        /// Nothing to compare; `structure`, `attributes` or `signature` says why.
        NotChecked = "not_checked",
    }
}

axis! {
    /// Are the signed attributes in order?
    pub enum Attributes {
        /// Present, complete and consistent.
        Ok = "ok",
        /// Absent: good only for content of type id-data (RFC 5652 §5.3).
        Absent = "absent",
        /// Against RFC 5652 §5.3 or §11.
        Malformed = "malformed",
        /// The algorithms that they protect are not those used (RFC 6211).
        AlgorithmMismatch = "algorithm_mismatch",
        /// The certificate that they name is not the signer's (RFC 5035).
        CertificateMismatch = "certificate_mismatch",
        /// Absent, and the content parses as some: the signature may have been made over attributes.
        Ambiguous = "ambiguous",
    }
}

axis! {
    /// Does the signature verify with the signer's public key?
    pub enum Signature {
        Valid = "valid",
        Invalid = "invalid",
        /// An algorithm, a parameter or a key that is not supported; `algorithms` names it.
        UnsupportedAlgorithm = "unsupported_algorithm",
        /// The signer's certificate is nowhere to be found.
        CertificateMissing = "certificate_missing",
        /// Not tried, for a reason that a finding names.
        NotChecked = "not_checked",
    }
}

axis! {
    /// Where the signer's certificate was found.
    pub enum CertificateSource {
        Message = "message",
        OtherMessage = "other_message",
        /// Given with `--certs`, `--ca` or a key file.
        Given = "given",
        None = "none",
    }
}

axis! {
    /// Does the signer's certificate speak for the sender (RFC 8550 §3)?
    pub enum Identity {
        /// One From mailbox, and an address of the certificate is it.
        MatchFrom = "match_from",
        /// The same but for the case of the local part.
        MatchCasefoldLocal = "match_casefold_local",
        /// Not From, but Sender.
        MatchSenderOnly = "match_sender_only",
        Mismatch = "mismatch",
        /// The certificate names no address.
        NoCertificateAddress = "no_certificate_address",
        /// Two From fields, or two mailboxes in From.
        AmbiguousFrom = "ambiguous_from",
        /// No From, or none with an address.
        NoFrom = "no_from",
    }
}

axis! {
    /// How much of the message a signature covers, through all layers.
    pub enum Coverage {
        /// The body and the header fields (RFC 9788, RFC 8551 §3.1).
        WholeMessage = "whole_message",
        /// The whole body.
        WholeBody = "whole_body",
        /// A part; what is not covered is listed.
        Subpart = "subpart",
        /// Something inside a message/rfc822 part.
        NestedMessage = "nested_message",
    }
}

axis! {
    /// Which kind of encrypted content.
    pub enum EncryptedType {
        /// EnvelopedData (RFC 5652 §6).
        Enveloped = "enveloped",
        /// AuthEnvelopedData (RFC 5083).
        AuthEnveloped = "auth_enveloped",
        /// EncryptedData (RFC 5652 §8): a key that no recipient carries.
        EncryptedData = "encrypted_data",
    }
}

axis! {
    /// What became of an encrypted layer.
    pub enum Decryption {
        Decrypted = "decrypted",
        /// No key for any recipient.
        NoKey = "no_key",
        /// A recipient matched, and then something failed: which step is not told (RFC 3218).
        Failed = "failed",
        /// An algorithm that is not supported.
        Unsupported = "unsupported",
        /// Not tried, for a reason that a finding names.
        NotTried = "not_tried",
    }
}

axis! {
    /// How a recipient was matched to a key.
    pub enum MatchedBy {
        IssuerSerial = "issuer_serial",
        /// By subject key identifier.
        Ski = "ski",
        /// By the public key, after the operator mapped it.
        Spki = "spki",
        /// By the identifier of a key-encryption key.
        KekId = "kek_id",
        /// By a password that fits: such a recipient has no identifier.
        Password = "password",
    }
}

axis! {
    /// What vouches for the plaintext.
    pub enum Integrity {
        /// The cipher authenticates.
        Aead = "aead",
        /// The outermost entity of the plaintext is signed, its digest matches, its signature is valid.
        InnerSignature = "inner_signature",
        /// Nothing: it can have been changed (EFAIL).
        None = "none",
    }
}

axis! {
    /// How the content key reaches a recipient.
    pub enum RecipientKind {
        RsaV15 = "rsa_v15",
        RsaOaep = "rsa_oaep",
        Ecdh = "ecdh",
        X25519 = "x25519",
        /// A key-encryption key that both sides know (KEKRI).
        Kek = "kek",
        Password = "password",
        /// A key encapsulation (RFC 9629).
        Kem = "kem",
        /// Diffie-Hellman over a prime field (RFC 2631).
        Dh = "dh",
        /// Another one, or one that could not be read.
        Unknown = "unknown",
    }
}

axis! {
    /// Where a claimed time stands, best first.
    pub enum TimeSource {
        /// A timestamp token over the signature (RFC 3161).
        Timestamp = "timestamp",
        /// The signingTime attribute (RFC 5652 §11.3).
        SigningTime = "signing_time",
        /// The Date field.
        Date = "date",
        /// The topmost Received field.
        Received = "received",
        /// The mbox From_ line.
        FromLine = "from_line",
        /// The delivery time in a Maildir name.
        FileName = "file_name",
        /// The time of the file; only with `--use-file-time`.
        FileTime = "file_time",
        /// A header field that the operator stands for (`--assert-time`).
        HeaderField = "header_field",
    }
}

axis! {
    /// What a timestamp token is over.
    pub enum TimestampKind {
        /// The signature value (RFC 3161 appendix A).
        Signature = "signature",
        /// Signature, content and evidence together (CAdES archive timestamps: RFC 5126 §6.4.1, ETSI EN 319 122-1 §5.5).
        Archive = "archive",
    }
}

axis! {
    /// Who stands for a time.
    pub enum Grade {
        /// A timestamp authority that is trusted at its own time.
        Proven = "proven",
        /// The operator says so.
        Asserted = "asserted",
        /// The message says so.
        Claimed = "claimed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_same_in_json_and_in_tables() {
        for value in Digest::ALL {
            assert_eq!(
                serde_json::to_string(value).unwrap(),
                format!("\"{}\"", value.as_str())
            );
        }
        assert_eq!(Coverage::NestedMessage.as_str(), "nested_message");
    }
}
