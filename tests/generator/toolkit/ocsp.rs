//! OCSP responses (RFC 6960 §4.2) made to order.

use mailseal::asn1::Oid;
use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::asn1::Time;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::digest::digest;
use mailseal::crypto::digest::sha1;
use mailseal::pki::x509::Certificate;

use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::signed;
use crate::toolkit::extensions;
use crate::toolkit::extensions::Extension;
use crate::toolkit::keys;

/// A response to be, about one certificate.
#[derive(Clone)]
pub struct Ocsp {
    pub hash: DigestAlgorithm,
    pub this_update: Time,
    pub next_update: Option<Time>,
    pub produced_at: Time,
    /// revocationTime and reason.
    pub revoked: Option<(Time, Option<u8>)>,
    pub unknown: bool,
    pub by_key: bool,
    pub single: Vec<Extension>,
    /// Carried along.
    pub certificates: Vec<Vec<u8>>,
    pub broken: bool,
}

impl Ocsp {
    /// `good` from one time to another, with SHA-1 in the CertID as everybody writes it.
    pub fn new(this_update: Time, next_update: Time) -> Self {
        Self {
            hash: DigestAlgorithm::Sha1,
            this_update,
            next_update: Some(next_update),
            produced_at: this_update,
            revoked: None,
            unknown: false,
            by_key: false,
            single: Vec::new(),
            certificates: Vec::new(),
            broken: false,
        }
    }

    pub fn revoked(mut self, at: Time, reason: Option<u8>) -> Self {
        self.revoked = Some((at, reason));
        self
    }

    pub fn unknown(mut self) -> Self {
        self.unknown = true;
        self
    }

    pub fn hash(mut self, hash: DigestAlgorithm) -> Self {
        self.hash = hash;
        self
    }

    pub fn by_key(mut self) -> Self {
        self.by_key = true;
        self
    }

    pub fn without_next_update(mut self) -> Self {
        self.next_update = None;
        self
    }

    pub fn single(mut self, extension: Extension) -> Self {
        self.single.push(extension);
        self
    }

    pub fn carrying(mut self, certificate: &[u8]) -> Self {
        self.certificates.push(certificate.to_vec());
        self
    }

    pub fn broken(mut self) -> Self {
        self.broken = true;
        self
    }

    /// The OCSPResponse about a certificate of `issuer`, signed by `responder`.
    pub fn about(&self, certificate: &[u8], issuer: &Party, responder: &Party) -> Vec<u8> {
        response(&self.basic(certificate, issuer, responder))
    }

    /// The BasicOCSPResponse alone.
    pub fn basic(&self, certificate: &[u8], issuer: &Party, responder: &Party) -> Vec<u8> {
        let about = Certificate::read(certificate).unwrap();
        let hash = |octets: &[u8]| digest(self.hash, &[octets]).unwrap().as_bytes().to_vec();
        let key = |party: &Party| keys::public_octets(&keys::spki(&party.key));
        let tbs = Writer::encode(|w| {
            w.sequence(|w| {
                if self.by_key {
                    w.explicit(2, |w| w.octet_string(&sha1(&key(responder))));
                } else {
                    w.explicit(1, |w| w.raw(&responder.name));
                }
                w.generalized_time(self.produced_at);
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.sequence(|w| {
                            self.hash.write_algorithm(w);
                            w.octet_string(&hash(&issuer.name));
                            w.octet_string(&hash(&key(issuer)));
                            w.integer(about.serial.0);
                        });
                        self.status(w);
                        w.generalized_time(self.this_update);
                        if let Some(next_update) = self.next_update {
                            w.explicit(0, |w| w.generalized_time(next_update));
                        }
                        if !self.single.is_empty() {
                            w.explicit(1, |w| extensions::write(w, &self.single));
                        }
                    });
                });
            });
        });
        let scheme = keys::scheme(&responder.key);
        let bare = signed(&tbs, &scheme, &responder.key, self.broken);
        let inside = Reader::new(&bare).expect(Tag::SEQUENCE).unwrap().content;
        Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(inside);
                if !self.certificates.is_empty() {
                    w.explicit(0, |w| w.sequence(|w| w.raw(&self.certificates.concat())));
                }
            });
        })
    }

    fn status(&self, w: &mut Writer) {
        match self.revoked {
            Some((at, reason)) => w.constructed(Tag::context_constructed(1), |w| {
                w.generalized_time(at);
                if let Some(reason) = reason {
                    w.explicit(0, |w| w.primitive(Tag::ENUMERATED, &[reason]));
                }
            }),
            None if self.unknown => w.primitive(Tag::context(2), &[]),
            None => w.primitive(Tag::context(0), &[]),
        }
    }
}

/// OCSPResponse around a BasicOCSPResponse.
pub fn response(basic: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.primitive(Tag::ENUMERATED, &[0]);
            w.explicit(0, |w| {
                w.sequence(|w| {
                    w.oid(oid::OCSP_BASIC);
                    w.octet_string(basic);
                });
            });
        });
    })
}

/// `OtherRevocationInfoFormat` of RFC 5940, under the tag that it has in `crls`.
pub fn in_signed_data(response: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.constructed(Tag::context_constructed(1), |w| {
            w.oid(oid::OTHER_REVOCATION_OCSP);
            w.raw(response);
        });
    })
}

pub fn archive_cutoff(time: Time) -> Extension {
    let value = Writer::encode(|w| w.generalized_time(time));
    (oid::OCSP_ARCHIVE_CUTOFF, false, value)
}

pub fn no_check() -> Extension {
    (oid::OCSP_NO_CHECK, false, vec![5, 0])
}

/// An extension that nobody knows.
pub fn unknown_extension(critical: bool) -> Extension {
    const NOBODYS: Oid<'static> = oid::CONTENT_HINTS;
    (NOBODYS, critical, vec![5, 0])
}
