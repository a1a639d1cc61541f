//! `CRLReason` (RFC 5280 §5.3.1).

use crate::asn1::reader::Integer;
use crate::pki::words::words;

words! {
    /// `CRLReason` (RFC 5280 §5.3.1).
    pub enum RevocationReason {
        /// No reason is given.
        Unspecified = "unspecified",
        /// Somebody else may have the subject's key.
        KeyCompromise = "keyCompromise",
        /// Somebody else may have an authority's key.
        CaCompromise = "cACompromise",
        /// The subject's name or other content has changed.
        AffiliationChanged = "affiliationChanged",
        /// Another certificate took its place.
        Superseded = "superseded",
        /// It is no longer needed.
        CessationOfOperation = "cessationOfOperation",
        /// Suspended, until `removeFromCRL`.
        CertificateHold = "certificateHold",
        /// No longer suspended.
        RemoveFromCrl = "removeFromCRL",
        /// A privilege was withdrawn.
        PrivilegeWithdrawn = "privilegeWithdrawn",
        /// Somebody else may have an attribute authority's key.
        AaCompromise = "aACompromise",
        /// A number that RFC 5280 does not define, or a reason that can't be read.
        Unknown = "unknown",
    }
}

impl RevocationReason {
    /// `CRLReason`'s number.
    #[must_use]
    pub(super) fn of(number: Integer<'_>) -> Self {
        number.to_u64().map_or(Self::Unknown, Self::from_number)
    }

    pub(super) fn from_number(number: u64) -> Self {
        match number {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => Self::Unknown,
        }
    }

    /// The key may have been somebody else's before the revocation was known, so that a time which only the message
    /// claims proves nothing. A reason that can't be read counts as one of these.
    #[must_use]
    pub fn makes_claimed_time_worthless(self) -> bool {
        match self {
            Self::Unspecified
            | Self::KeyCompromise
            | Self::CaCompromise
            | Self::AaCompromise
            | Self::Unknown => true,
            Self::AffiliationChanged
            | Self::Superseded
            | Self::CessationOfOperation
            | Self::CertificateHold
            | Self::RemoveFromCrl
            | Self::PrivilegeWithdrawn => false,
        }
    }
}
