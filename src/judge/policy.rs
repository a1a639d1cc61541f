//! The strength policy: which algorithms, content ciphers and key sizes are weak or broken, and since when.

use std::borrow::Cow;

use crate::asn1::Time;
use crate::facts::record::Sha256;
use crate::judge::evidence::Evidence;
use crate::pki::trust::{Model, PolicyInputs};

/// What a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A digest, by its name.
    Digest(Cow<'static, str>),
    /// RSA keys with fewer bits.
    RsaBelow(u32),
    /// DSA keys with fewer bits.
    DsaBelow(u32),
    /// Elliptic-curve keys with fewer bits.
    EcBelow(u32),
    /// RSA keys with this public exponent.
    RsaExponent(u64),
    /// A content cipher, by its name.
    Cipher(Cow<'static, str>),
    /// Content ciphers whose keys have fewer bits.
    CipherBelow(u32),
}

impl Subject {
    /// What a row calls it, and the bits below which it speaks of a key.
    #[must_use]
    pub fn cells(&self) -> (Cow<'_, str>, Option<u32>) {
        match self {
            Self::Digest(name) | Self::Cipher(name) => (Cow::Borrowed(name.as_ref()), None),
            Self::RsaBelow(bits) => (Cow::Borrowed("rsa"), Some(*bits)),
            Self::DsaBelow(bits) => (Cow::Borrowed("dsa"), Some(*bits)),
            Self::EcBelow(bits) => (Cow::Borrowed("ec"), Some(*bits)),
            Self::CipherBelow(bits) => (Cow::Borrowed("cipher"), Some(*bits)),
            Self::RsaExponent(exponent) => (Cow::Owned(format!("rsa-exponent-{exponent}")), None),
        }
    }
}

/// From when on something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// At every time: a claimed time must not make a forgery good.
    Always,
    /// From this instant on, in seconds since 1970.
    From(i64),
    /// At no time.
    Never,
}

impl Since {
    /// Does it hold at `at`?
    #[must_use]
    pub fn holds(self, at: Time) -> bool {
        match self {
            Self::Always => true,
            Self::From(seconds) => at.unix() >= seconds,
            Self::Never => false,
        }
    }
}

/// One row of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it speaks of.
    pub subject: Subject,
    /// Weak: passes, with a finding.
    pub weak: Since,
    /// Broken: the word is `weak_crypto`; of a cipher, a finding.
    pub broken: Since,
    /// Why, and who says so.
    pub source: Cow<'static, str>,
}

/// The default policy (verdict.md, "strength").
pub const RULES: &[Rule] = &[
    Rule {
        subject: Subject::Digest(Cow::Borrowed("md2")),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed("RFC 6149: MD2 to historic status"),
    },
    Rule {
        subject: Subject::Digest(Cow::Borrowed("md4")),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed("RFC 6150: MD4 to historic status"),
    },
    Rule {
        subject: Subject::Digest(Cow::Borrowed("md5")),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed("RFC 6151: collisions within seconds; RFC 8551 appendix B"),
    },
    Rule {
        subject: Subject::Digest(Cow::Borrowed("sha1")),
        weak: Since::From(1_108_425_600), // 2005-02-15, collisions below 2^80 announced
        broken: Since::Never,
        source: Cow::Borrowed("RFC 6194; RFC 8551 appendix B"),
    },
    Rule {
        subject: Subject::Digest(Cow::Borrowed("ripemd160")),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed("160 bits; in no S/MIME standard"),
    },
    Rule {
        subject: Subject::RsaBelow(1024),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed("RFC 8550 §4.3: below 1024 bits not to be accepted"),
    },
    Rule {
        subject: Subject::RsaBelow(2048),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed("RFC 8550 §4.3; RFC 8551 §4.3"),
    },
    Rule {
        subject: Subject::DsaBelow(1024),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed("as RSA of that size"),
    },
    Rule {
        subject: Subject::DsaBelow(2048),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed("RFC 8550 §4.3: DSA to historic use"),
    },
    Rule {
        subject: Subject::EcBelow(224),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed("below 112 bits of security (NIST SP 800-57 part 1)"),
    },
    Rule {
        subject: Subject::RsaExponent(3),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed("CVE-2006-4339: forgeries against careless verifiers"),
    },
    Rule {
        subject: Subject::RsaExponent(1),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed("RFC 8017 §3.1: the exponent is at least 3"),
    },
    // What was hidden once should stay hidden, so ciphers are judged as of today, whenever the mail was sent.
    Rule {
        subject: Subject::Cipher(Cow::Borrowed("rc2-cbc")),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed(
            "keys of 40 bits and related-key attacks; never approved (NIST SP 800-131A rev. 2 has AES and Triple-DES only)",
        ),
    },
    Rule {
        subject: Subject::Cipher(Cow::Borrowed("rc4")),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed(
            "RFC 7465, RFC 8758: biases of the key stream; nothing pads or authenticates",
        ),
    },
    Rule {
        subject: Subject::Cipher(Cow::Borrowed("des-cbc")),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed("56 bits; approval withdrawn in 2005 (NIST SP 800-131A rev. 2)"),
    },
    Rule {
        subject: Subject::CipherBelow(80),
        weak: Since::Always,
        broken: Since::Always,
        source: Cow::Borrowed(
            "can be searched through; NIST SP 800-131A of 2011 already had 80 bits as the least",
        ),
    },
    Rule {
        subject: Subject::CipherBelow(112),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed("below 112 bits of security (NIST SP 800-131A rev. 2)"),
    },
    Rule {
        subject: Subject::Cipher(Cow::Borrowed("des-ede3-cbc")),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed(
            "disallowed for encryption after 2023, legacy use for decryption (NIST SP 800-131A rev. 2); CVE-2016-2183",
        ),
    },
    Rule {
        subject: Subject::Cipher(Cow::Borrowed("cast5-cbc")),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed(
            "blocks of 64 bits (CVE-2016-2183); never approved (NIST SP 800-131A rev. 2)",
        ),
    },
    Rule {
        subject: Subject::Cipher(Cow::Borrowed("idea-cbc")),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed(
            "blocks of 64 bits (CVE-2016-2183); never approved (NIST SP 800-131A rev. 2)",
        ),
    },
    Rule {
        subject: Subject::Cipher(Cow::Borrowed("seed-cbc")),
        weak: Since::Always,
        broken: Since::Never,
        source: Cow::Borrowed(
            "never approved (NIST SP 800-131A rev. 2); left to the legacy provider by OpenSSL 3",
        ),
    },
];

/// How signatures are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `--require-revocation`: nothing passes without a good answer.
    pub require_revocation: bool,
    /// `--signers any`: the best of a layer's signers counts, not the worst.
    pub any_signer: bool,
    /// `--trust-embedded`: CRLs from mail may answer `good`.
    pub trust_embedded: bool,
    /// `--policy`: the built-in rules with the rows of a file over them.
    pub table: Option<Table>,
    /// `--model`: when a path's certificates must be valid.
    pub model: Model,
    /// `--require-policy`, `--inhibit-policy-mapping`, `--inhibit-any-policy`: what paths must show of certificate policies.
    pub policies: PolicyInputs,
    /// Who is believed about times.
    pub evidence: Evidence,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            require_revocation: false,
            any_signer: false,
            trust_embedded: false,
            table: None,
            model: Model::Shell,
            policies: PolicyInputs::default(),
            evidence: Evidence::default(),
        }
    }
}

/// The built-in rules with the rows of a file over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The rules in force: the built-in ones in their order, then what the file adds.
    pub rules: Vec<Rule>,
    /// Where they differ from the built-in ones, in the file's order.
    pub changes: Vec<Change>,
    /// SHA-256 of the file.
    pub sha256: Sha256,
}

/// A row of a policy file that makes a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it speaks of.
    pub subject: Subject,
    /// What it does to the built-in table.
    pub kind: ChangeKind,
    /// Its line in the file, from 1.
    pub line: usize,
}

/// What a row of a policy file does to the built-in table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// There was none for this subject.
    Added,
    /// It stands in place of the one for this subject.
    Replaced,
    /// The one for this subject is gone: the file says so.
    Removed,
}

impl ChangeKind {
    /// As the report has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
        }
    }
}

impl Policy {
    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        self.table.as_ref().map_or(RULES, |table| &table.rules)
    }

    /// A text that is the same for equal policies, for the digest in the report's header.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{self:?} {:?}", self.rules())
    }
}
