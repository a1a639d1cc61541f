//! The manual: what the words mean, which attacks are met and how, and what a report holds. Documentation only.

/// How a verdict comes about.
#[doc = include_str!("verdicts.md")]
pub mod verdicts {}

/// Known attacks, the defence, and the test that shows it.
#[doc = include_str!("attacks.md")]
pub mod attacks {}

/// Every finding and fault: what was seen.
#[doc = include_str!("findings.md")]
pub mod findings {}

/// The files of a report, their fields, and the history of both.
#[doc = include_str!("report.md")]
pub mod report {}

/// What `mailseal store` keeps, and which certificate it chooses for an address.
#[doc = include_str!("store.md")]
pub mod store {}

/// What `mailseal decrypt` writes for a message, and why.
#[doc = include_str!("migration.md")]
pub mod migration {}

/// What `mailseal sign` and `mailseal encrypt` write, and what they refuse.
#[doc = include_str!("sending.md")]
pub mod sending {}

/// What `mailseal harvest` collects, and what it can know.
#[doc = include_str!("harvest.md")]
pub mod harvest {}

/// What certificates are held against, and whom the rules bind.
#[doc = include_str!("lint.md")]
pub mod lint {}

/// What `mailseal extract` hands out, and how openssl repeats a verdict.
#[doc = include_str!("evidence.md")]
pub mod evidence {}

/// The texts of `mailseal explain`.
pub mod explain {
    /// Verdicts, statuses and the terms of ETSI.
    #[doc = include_str!("explain/verdicts.md")]
    pub mod verdicts {}

    /// The axes of signed layers.
    #[doc = include_str!("explain/signatures.md")]
    pub mod signatures {}

    /// Certificates and trust.
    #[doc = include_str!("explain/trust.md")]
    pub mod trust {}

    /// Encrypted layers and their migration.
    #[doc = include_str!("explain/encryption.md")]
    pub mod encryption {}

    /// Recipients' certificates and the rules for certificates.
    #[doc = include_str!("explain/recipients.md")]
    pub mod recipients {}

    /// Findings of archive, MIME and CMS.
    #[doc = include_str!("explain/findings-mail.md")]
    pub mod findings_mail {}

    /// Findings of signatures, encryption and certificates, and faults.
    #[doc = include_str!("explain/findings-cms.md")]
    pub mod findings_cms {}

    /// The checks that the texts name.
    #[doc = include_str!("explain/checks.md")]
    pub mod checks {}
}
