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

/// What `mailseal harvest` collects, and what it can know.
#[doc = include_str!("harvest.md")]
pub mod harvest {}

/// What certificates are held against, and whom the rules bind.
#[doc = include_str!("lint.md")]
pub mod lint {}
