//! Certificate revocation lists (RFC 5280 §5) made to order.

use mailseal::asn1::Time;
use mailseal::asn1::Writer;
use mailseal::crypto::signature_scheme::SignatureScheme;

use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::signed;
use crate::toolkit::extensions;
use crate::toolkit::extensions::Extension;
use crate::toolkit::keys;

/// Reasons (RFC 5280 §5.3.1).
pub const KEY_COMPROMISE: u8 = 1;
pub const CA_COMPROMISE: u8 = 2;
pub const AFFILIATION_CHANGED: u8 = 3;
pub const SUPERSEDED: u8 = 4;
pub const CESSATION_OF_OPERATION: u8 = 5;
pub const CERTIFICATE_HOLD: u8 = 6;
pub const REMOVE_FROM_CRL: u8 = 8;

/// One revoked certificate.
#[derive(Clone)]
pub struct Entry {
    pub serial: u64,
    pub at: Time,
    pub extensions: Vec<Extension>,
}

impl Entry {
    /// Without a reason.
    pub fn new(serial: u64, at: Time) -> Self {
        Self {
            serial,
            at,
            extensions: Vec::new(),
        }
    }

    pub fn reason(mut self, reason: u8) -> Self {
        self.extensions.push(extensions::reason_code(reason));
        self
    }

    pub fn invalid_since(mut self, time: Time) -> Self {
        self.extensions.push(extensions::invalidity_date(time));
        self
    }
}

/// A list to be.
#[derive(Clone)]
pub struct Crl {
    pub this_update: Time,
    pub next_update: Option<Time>,
    pub entries: Vec<Entry>,
    /// authorityKeyIdentifier is added unless `bare` is set.
    pub extensions: Vec<Extension>,
    pub bare: bool,
    pub scheme: Option<SignatureScheme>,
    /// The last bit of the signature is flipped.
    pub broken: bool,
}

impl Crl {
    /// Without entries, in force from one time to another.
    pub fn new(this_update: Time, next_update: Time) -> Self {
        Self {
            this_update,
            next_update: Some(next_update),
            entries: Vec::new(),
            extensions: Vec::new(),
            bare: false,
            scheme: None,
            broken: false,
        }
    }

    pub fn entry(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    pub fn without_next_update(mut self) -> Self {
        self.next_update = None;
        self
    }

    pub fn broken(mut self) -> Self {
        self.broken = true;
        self
    }

    /// Signed by `issuer`.
    pub fn issue(&self, issuer: &Party) -> Vec<u8> {
        self.forge(issuer, issuer)
    }

    /// Says that `claimed` issued it; `signing` signed it.
    pub fn forge(&self, claimed: &Party, signing: &Party) -> Vec<u8> {
        let scheme = self.scheme.unwrap_or_else(|| keys::scheme(&signing.key));
        let mut extensions = self.extensions.clone();
        if !self.bare {
            extensions.push(extensions::authority_key_identifier(
                &claimed.key_identifier(),
            ));
        }
        let tbs = Writer::encode(|w| {
            w.sequence(|w| {
                w.small_integer(1);
                w.raw(&scheme.certificate_algorithm().unwrap());
                w.raw(&claimed.name);
                w.time(self.this_update);
                if let Some(next_update) = self.next_update {
                    w.time(next_update);
                }
                if !self.entries.is_empty() {
                    w.sequence(|w| self.entries.iter().for_each(|entry| write_entry(w, entry)));
                }
                if !extensions.is_empty() {
                    w.explicit(0, |w| extensions::write(w, &extensions));
                }
            });
        });
        signed(&tbs, &scheme, &signing.key, self.broken)
    }
}

fn write_entry(w: &mut Writer, entry: &Entry) {
    w.sequence(|w| {
        w.small_integer(entry.serial);
        w.time(entry.at);
        if !entry.extensions.is_empty() {
            extensions::write(w, &entry.extensions);
        }
    });
}
