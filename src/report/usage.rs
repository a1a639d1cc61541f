//! Which messages use a certificate, and as what: columns of `certificates.csv` that only the messages know.

use std::collections::BTreeMap;

use crate::asn1::Time;
use crate::facts::axis::Signature;
use crate::facts::record::{Identifier, MessageFacts, SignatureFacts};
use crate::judge::verdict::MessageVerdict;
use crate::report::encode::Hex;
use crate::report::{Lookup, Place};

/// What a certificate was seen as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A SignerInfo or a countersignature names it.
    Signer,
    /// On a signer's path, behind the signer.
    Chain,
    /// In the certificates of a layer.
    Carried,
    /// A RecipientInfo names it.
    Recipient,
    /// A timestamp token's signature names it.
    Timestamp,
}

impl Role {
    /// Every role, in the order of the column.
    pub const ALL: [Self; 5] = [
        Self::Signer,
        Self::Chain,
        Self::Carried,
        Self::Recipient,
        Self::Timestamp,
    ];

    /// The word in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signer => "signer",
            Self::Chain => "chain",
            Self::Carried => "carried",
            Self::Recipient => "recipient",
            Self::Timestamp => "timestamp",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Signer => 1,
            Self::Chain => 2,
            Self::Carried => 4,
            Self::Recipient => 8,
            Self::Timestamp => 16,
        }
    }
}

/// How the messages use one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Messages that carry it, each counted once.
    pub messages: u64,
    /// SignerInfos that it verifies.
    pub signed: u64,
    /// The earliest claimed time of a message with it in any role.
    pub first_seen: Option<Time>,
    /// The latest.
    pub last_seen: Option<Time>,
    /// Archive and offset of the first message with it in any role.
    pub first_place: (u32, u64),
    roles: u8,
}

/// The certificates that recipients named, of one block: messages of one archive are for the same few people, and finding
/// one by issuer and serial number can cost a read.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Recipients {
    numbers: BTreeMap<Vec<u8>, Option<u32>>,
    key: Vec<u8>,
}

/// The usage of all certificates, by the number that [`Lookup`] gives them. Joining is associative and commutative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usages(BTreeMap<u32, Usage>);

impl Usage {
    /// One that was counted elsewhere; the place of a certificate that nothing carries is the first that names it.
    #[must_use]
    pub fn new(
        (messages, signed): (u64, u64),
        seen: (Option<Time>, Option<Time>),
        first_place: (u32, u64),
        roles: impl IntoIterator<Item = Role>,
    ) -> Self {
        Self {
            messages,
            signed,
            first_seen: seen.0,
            last_seen: seen.1,
            first_place,
            roles: roles.into_iter().fold(0, |bits, role| bits | role.bit()),
        }
    }

    /// What it was seen as, in the order of [`Role::ALL`].
    pub fn roles(&self) -> impl Iterator<Item = Role> {
        let bits = self.roles;
        Role::ALL
            .into_iter()
            .filter(move |role| bits & role.bit() != 0)
    }

    fn join(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.signed = self.signed.saturating_add(other.signed);
        self.first_seen = [self.first_seen, other.first_seen]
            .into_iter()
            .flatten()
            .min();
        self.last_seen = self.last_seen.max(other.last_seen);
        self.first_place = self.first_place.min(other.first_place);
        self.roles |= other.roles;
    }
}

impl Recipients {
    /// Forgets everything.
    pub(in crate::report) fn clear(&mut self) {
        self.numbers.clear();
    }

    fn number(&mut self, identifier: &Identifier, lookup: &Lookup<'_>) -> Option<u32> {
        self.key.clear();
        match identifier {
            Identifier::IssuerSerial { issuer, serial } => {
                self.key.extend_from_slice(&serial.len().to_be_bytes());
                self.key.extend_from_slice(serial);
                self.key.extend_from_slice(issuer);
            }
            // No serial number is that long.
            Identifier::Ski(ski) => {
                self.key.extend_from_slice(&usize::MAX.to_be_bytes());
                self.key.extend_from_slice(ski);
            }
            Identifier::None => return None,
        }
        if let Some(number) = self.numbers.get(&self.key) {
            return *number;
        }
        let number = (lookup.recipient)(identifier);
        self.numbers.insert(self.key.clone(), number);
        number
    }
}

impl Usages {
    /// Counts the certificates of a message. `carried`: those that its layers carry, each once; `claimed`: the message's time.
    /// A certificate without a number is left out. Never fails.
    pub(in crate::report) fn count(
        &mut self,
        place: &Place<'_>,
        facts: &MessageFacts,
        verdict: &MessageVerdict,
        carried: &[Hex<'_>],
        claimed: Option<Time>,
        (lookup, recipients): (&Lookup<'_>, &mut Recipients),
    ) {
        let mut note = |number: Option<u32>, role: Role, messages, signed| {
            let usage = Usage {
                messages,
                signed,
                first_seen: claimed,
                last_seen: claimed,
                first_place: (place.archive, place.offset),
                roles: role.bit(),
            };
            if let Some(number) = number {
                self.0
                    .entry(number)
                    .and_modify(|known| known.join(&usage))
                    .or_insert(usage);
            }
        };
        for Hex(sha256) in carried {
            let number = <&[u8; 32]>::try_from(*sha256)
                .ok()
                .and_then(|sha256| (lookup.certificate)(sha256));
            note(number, Role::Carried, 1, 0);
        }
        for (layer, verdicts) in facts.layers.iter().zip(&verdict.signatures) {
            if let Some(encrypted) = &layer.encrypted {
                for recipient in &encrypted.recipients {
                    let number = recipients.number(&recipient.identifier, lookup);
                    note(number, Role::Recipient, 0, 0);
                }
            }
            for verdict in verdicts {
                for issuer in verdict.path.iter().skip(1) {
                    note((lookup.certificate)(issuer), Role::Chain, 0, 0);
                }
            }
            let signer = |signature| (signature, Role::Signer, true);
            let mut left: Vec<(&SignatureFacts, Role, bool)> =
                layer.signatures.iter().map(signer).collect();
            while let Some((signature, role, counts)) = left.pop() {
                if let Some(sha256) = &signature.certificate {
                    let verified = counts && signature.signature == Signature::Valid;
                    note((lookup.certificate)(sha256), role, 0, u64::from(verified));
                }
                left.extend(
                    signature
                        .countersignatures
                        .iter()
                        .map(|one| (one, role, false)),
                );
                let tokens = signature
                    .timestamps
                    .iter()
                    .filter_map(|token| token.signature.as_deref());
                left.extend(tokens.map(|one| (one, Role::Timestamp, false)));
            }
        }
    }

    /// Adds what `other` has seen.
    pub fn join(&mut self, other: &Self) {
        for (number, usage) in &other.0 {
            self.0
                .entry(*number)
                .and_modify(|known| known.join(usage))
                .or_insert(*usage);
        }
    }

    /// The usage of the certificate with this number; None where no message uses it.
    #[must_use]
    pub fn of(&self, number: u32) -> Option<&Usage> {
        self.0.get(&number)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
