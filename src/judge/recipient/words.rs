//! The words of a choice: what was decided, what hinders, what decides, what is to be told.

use crate::facts::axis::axis;

axis! {
    /// What the operator decided about a certificate. Ordered from the worst to the best.
    pub enum Decision {
        /// Never to be used, whatever speaks for it.
        Distrusted = "distrusted",
        /// Found in mail; nobody looked at it yet.
        Undecided = "undecided",
        /// Given by the operator, as material.
        Known = "known",
        /// An authority, or a certificate signed with its own key: an anchor. Else: confirmed as that of its addresses.
        Trusted = "trusted",
    }
}

axis! {
    /// What its owner is known to read, the best cipher of the SMIMECapabilities (RFC 8551 §2.5.2). Ordered from the least.
    pub enum Capability {
        /// Said, and no AES among it.
        Legacy = "legacy",
        /// Nothing is known.
        Unknown = "unknown",
        /// AES in CBC mode.
        AesCbc = "aes_cbc",
        /// AES in GCM mode (RFC 5084).
        AesGcm = "aes_gcm",
    }
}

axis! {
    /// Why a certificate must not be used for an address. In the order in which they are told.
    pub enum Hindrance {
        /// None of its addresses is this one.
        OtherAddress = "other_address",
        /// The operator said so.
        Distrusted = "distrusted",
        /// It is an authority's: nobody reads mail with that key.
        Authority = "authority",
        /// Its key only signs.
        CannotEncrypt = "cannot_encrypt",
        /// Its key usage does not allow it.
        KeyUsage = "key_usage",
        /// Its extended key usage does not allow it.
        ExtendedKeyUsage = "extended_key_usage",
        /// Signed with its own key, and no anchor.
        SelfIssued = "self_issued",
        /// No path to an anchor, or one that something other than dates speaks against.
        Untrusted = "untrusted",
        /// A certificate of its path is revoked.
        Revoked = "revoked",
        /// It, or an authority above it, is not valid yet.
        NotYetValid = "not_yet_valid",
        /// It, or an authority above it, is not valid any more.
        Expired = "expired",
        /// Nothing says that it is not revoked, and the policy asks for that.
        RevocationUnknown = "revocation_unknown",
        /// A key or digest of its path is broken.
        Broken = "broken",
        /// A key or digest of its path is weak.
        Weak = "weak",
        /// Of an authority that has nothing to do with the one that the address has used before.
        OtherAuthority = "other_authority",
    }
}

impl Hindrance {
    /// It says that nobody should encrypt to the certificate now, and nothing against whose it is.
    pub(super) fn is_of_use(self) -> bool {
        match self {
            Self::CannotEncrypt
            | Self::KeyUsage
            | Self::ExtendedKeyUsage
            | Self::Expired
            | Self::RevocationUnknown
            | Self::Weak => true,
            Self::OtherAddress
            | Self::Distrusted
            | Self::Authority
            | Self::SelfIssued
            | Self::Untrusted
            | Self::Revoked
            | Self::NotYetValid
            | Self::Broken
            | Self::OtherAuthority => false,
        }
    }
}

axis! {
    /// What decided between two certificates that can both be used.
    pub enum Why {
        /// There is no other.
        OnlyOne = "only_one",
        /// The other is hindered by what the operator allows.
        Unhindered = "unhindered",
        /// The operator confirmed it.
        Confirmed = "confirmed",
        /// Its owner asks for it, in signed attributes (RFC 8551 §2.5.3).
        KeyPreference = "key_preference",
        /// The other has the address in another spelling of the local part.
        ExactAddress = "exact_address",
        /// It was seen later in signed mail from the address, or else in any mail.
        FreshestEvidence = "freshest_evidence",
        /// Its owner is known to read better ciphers.
        Capability = "capability",
        /// Valid from a later time on.
        Newest = "newest",
        /// Valid to a later time.
        LongestValid = "longest_valid",
        /// Nothing else tells them apart.
        Digest = "digest",
    }
}

axis! {
    /// What is to be told of a choice.
    pub enum Caution {
        /// A newer certificate, signed with its own key, was passed over.
        NewerSelfIssued = "newer_self_issued",
        /// A newer certificate that leads to no anchor was passed over.
        NewerUntrusted = "newer_untrusted",
        /// A newer certificate of an unrelated authority was passed over, or taken because that was allowed.
        NewerOtherAuthority = "newer_other_authority",
        /// The certificate that its owner asks for can't be used.
        PreferenceUnusable = "preference_unusable",
        /// The address differs in the case of its local part.
        AddressCase = "address_case",
        /// No list says that it is not revoked.
        RevocationNotKnown = "revocation_not_known",
        /// It was never seen in mail.
        NoEvidence = "no_evidence",
    }
}

axis! {
    /// Why there is no choice.
    pub enum Refusal {
        /// No certificate claims the address.
        NoCertificate = "no_certificate",
        /// Each one is hindered.
        NoneUsable = "none_usable",
        /// What could be used is of an authority that has nothing to do with the one that the address has used before.
        AuthorityChanged = "authority_changed",
    }
}
