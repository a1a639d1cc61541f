//! The words of the chain axis.

use crate::pki::pool::CertificateId;
use crate::pki::words::words;

words! {
    /// When the certificates of a path must be valid (catalogue row A-31).
    pub enum Model {
        /// All of them at the time asked about (RFC 5280 §6.1).
        Shell = "shell",
        /// The signer's at that time, each authority's when it issued the certificate below it, as gpgsm's
        /// `--validation-model chain` asks.
        Chain = "chain",
    }
}

words! {
    /// What hinders trust in a certificate, in the order in which it is reported; the last value is that nothing does.
    pub enum Chain {
        /// An authority that leads to an anchor has the issuer's name and key identifier, and its key did not sign this.
        BadCertificateSignature = "bad_certificate_signature",
        /// The certificate is signed with its own key and is no anchor.
        SelfSigned = "self_signed",
        /// An issuer is nowhere.
        Incomplete = "incomplete",
        /// The path ends at a root that is no anchor.
        UntrustedRoot = "untrusted_root",
        /// An issuer is no authority, must not sign certificates, or is of version 1 and no anchor.
        BadCa = "bad_ca",
        /// More authorities than one of them allows.
        PathLength = "path_length",
        /// A name that an authority must not certify.
        NameConstraint = "name_constraint",
        /// A certificate policy is not met.
        Policy = "policy",
        /// The certificate, or an authority above it, is not meant for this use.
        BadPurpose = "bad_purpose",
        /// A key of the path is too large or of a form that is refused.
        KeyOutOfPolicy = "key_out_of_policy",
        /// A certificate of the path is not valid yet.
        NotYetValid = "not_yet_valid",
        /// A certificate of the path is not valid any more.
        Expired = "expired",
        /// Nothing of the above.
        Trusted = "trusted",
    }
}

words! {
    /// What a certificate is to be used for.
    pub enum Purpose {
        /// Signing mail (RFC 8550 §4.4).
        EmailSigning = "email_signing",
        /// Receiving encrypted mail: its key encrypts or agrees on a content key (RFC 8550 §4.4).
        EmailEncryption = "email_encryption",
        /// Signing timestamps (RFC 3161 §2.3).
        TimeStamping = "time_stamping",
    }
}

words! {
    /// What is worth knowing of a path beside the value of [`Chain`]: its cause, or something that is no failure.
    pub enum TrustFinding {
        /// The anchor's own validity is over; that does not count.
        AnchorExpired = "anchor_expired",
        /// The anchor's own validity has not begun; that does not count.
        AnchorNotYetValid = "anchor_not_yet_valid",
        /// The signer is an authority.
        CaAsSigner = "ca_as_signer",
        /// A bound on the search was reached: [`Limits::path_checks`], [`Limits::issuer_candidates`] or [`Limits::paths`].
        ///
        /// [`Limits::path_checks`]: crate::limits::Limits::path_checks
        /// [`Limits::issuer_candidates`]: crate::limits::Limits::issuer_candidates
        /// [`Limits::paths`]: crate::limits::Limits::paths
        PathBudget = "path_budget",
        /// `bad_ca`: without `cA: TRUE`.
        IssuerNotCa = "issuer_not_ca",
        /// `bad_ca`: with a key usage that lacks keyCertSign.
        IssuerWithoutKeyCertSign = "issuer_without_key_cert_sign",
        /// `bad_ca`: of version 1.
        IssuerVersion1 = "issuer_version_1",
        /// `bad_purpose`: an authority's extended key usage lacks this use.
        IssuerUsage = "issuer_usage",
        /// `bad_purpose`: the extended key usage.
        ExtendedKeyUsage = "eku",
        /// `bad_purpose`: the key usage.
        KeyUsage = "ku",
        /// `bad_purpose` or `bad_ca`: a critical extension that is not known, or that can't be read.
        CriticalExtension = "critical_extension",
        /// A time of validity can't be read, so the certificate is valid at no time.
        MalformedTime = "malformed_time",
        /// OpenSSL refused the path, for the reason that the value of [`Chain`] says.
        RefusedByOpenssl = "refused_by_openssl",
    }
}

/// The answer about one certificate at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainJudgement {
    /// The first failure of the best path, or `trusted`.
    pub value: Chain,
    /// All failures of that path in the order of [`Chain`]; empty when trusted.
    pub reasons: Vec<Chain>,
    /// The path, the certificate itself first, the anchor (if it leads to one) last.
    pub path: Vec<CertificateId>,
    /// The anchor that ends the path.
    pub anchor: Option<CertificateId>,
    /// Sorted, each once.
    pub findings: Vec<TrustFinding>,
}
