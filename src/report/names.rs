//! The text of the names in a batch of messages: each is read once.

use std::collections::BTreeMap;

use crate::facts::record::{Identifier, MessageFacts, SignatureFacts};
use crate::pki::x509::Name;

/// Texts (RFC 4514) of the issuers that SignerInfos and RecipientInfos name. It saves time and changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<Vec<u8>, String>);

/// A SignerInfo's or RecipientInfo's identifier as it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The issuer's text.
    pub issuer: Option<&'a str>,
    /// The serial number's octets.
    pub serial: Option<&'a [u8]>,
    /// The subject key identifier.
    pub ski: Option<&'a [u8]>,
}

impl Names {
    /// Reads the names in `facts` that are new.
    pub fn learn(&mut self, facts: &MessageFacts) {
        if self.0.len() > KEPT {
            self.0.clear();
        }
        for layer in &facts.layers {
            let recipients = layer
                .encrypted
                .iter()
                .flat_map(|encrypted| &encrypted.recipients);
            for recipient in recipients {
                self.learn_one(&recipient.identifier);
            }
            let mut left: Vec<&SignatureFacts> = layer.signatures.iter().collect();
            while let Some(signature) = left.pop() {
                self.learn_one(&signature.identifier);
                left.extend(&signature.countersignatures);
                left.extend(
                    signature
                        .timestamps
                        .iter()
                        .filter_map(|token| token.signature.as_deref()),
                );
            }
        }
    }

    /// `identifier` as it is shown; its name has been learnt.
    #[must_use]
    pub fn show<'a>(&'a self, identifier: &'a Identifier) -> Shown<'a> {
        match identifier {
            Identifier::IssuerSerial { issuer, serial } => Shown {
                issuer: self.0.get(issuer).map(String::as_str),
                serial: Some(serial),
                ski: None,
            },
            Identifier::Ski(ski) => Shown {
                ski: Some(ski),
                ..Shown::default()
            },
            Identifier::None => Shown::default(),
        }
    }

    fn learn_one(&mut self, identifier: &Identifier) {
        if let Identifier::IssuerSerial { issuer, .. } = identifier
            && !self.0.contains_key(issuer)
        {
            self.0.insert(issuer.clone(), Name::new(issuer).display());
        }
    }
}

/// Names kept from one message to the next; an archive knows a few hundred issuers.
const KEPT: usize = 4096;
