//! Attributes, written (RFC 5652 §5.3, §11).

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Tag;
use crate::asn1::Time;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::cms::build::Form;
use crate::cms::build::recipient_info::write_issuer_and_serial_fields;
use crate::cms::identifier::IssuerAndSerial;

/// In which order attributes are written and signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// DER's, which the standard demands.
    #[default]
    Der,
    /// As given, and signed so: what some programs do.
    AsGiven,
    /// As given, but signed in DER's order: what other programs do.
    AsGivenSignedAsDer,
}

/// A list of attributes, each under its type.
#[derive(Clone, Debug, Default)]
pub struct AttributeList {
    attributes: Vec<Vec<u8>>,
    order: Order,
    form: Form,
}

impl AttributeList {
    /// No attribute yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes and signs in this order.
    #[must_use]
    pub fn in_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Writes the set with this kind of length. What is signed stays DER.
    #[must_use]
    pub fn in_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// There is no attribute.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// An attribute with these encoded values; none, one or several, sense or not.
    #[must_use]
    pub fn values(mut self, oid: Oid<'_>, values: &[&[u8]]) -> Self {
        self.attributes.push(Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(oid);
                w.set_of(values.iter().map(|value| value.to_vec()).collect());
            });
        }));
        self
    }

    /// An attribute with the one value that `write` writes.
    #[must_use]
    pub fn value(self, oid: Oid<'_>, write: impl FnOnce(&mut Writer)) -> Self {
        let value = Writer::encode(write);
        self.values(oid, &[&value])
    }

    /// contentType (RFC 5652 §11.1).
    #[must_use]
    pub fn content_type(self, content_type: Oid<'_>) -> Self {
        self.value(oid::CONTENT_TYPE, |w| w.oid(content_type))
    }

    /// messageDigest (RFC 5652 §11.2).
    #[must_use]
    pub fn message_digest(self, digest: &[u8]) -> Self {
        self.value(oid::MESSAGE_DIGEST, |w| w.octet_string(digest))
    }

    /// signingTime (RFC 5652 §11.3).
    #[must_use]
    pub fn signing_time(self, time: Time) -> Self {
        self.value(oid::SIGNING_TIME, |w| w.time(time))
    }

    /// signingCertificate (RFC 5035 §5) with one certificate, by its SHA-1.
    #[must_use]
    pub fn signing_certificate(self, hash: &[u8], named: Option<&IssuerAndSerial<'_>>) -> Self {
        self.value(oid::SIGNING_CERTIFICATE, |w| {
            w.sequence(|w| w.sequence(|w| ess_cert_id(w, None, hash, named)));
        })
    }

    /// signingCertificateV2 (RFC 5035 §3) with one certificate. The algorithm is left out where it is SHA-256, as DER demands.
    #[must_use]
    pub fn signing_certificate_v2(
        self,
        algorithm: AlgorithmIdentifier<'_>,
        hash: &[u8],
        named: Option<&IssuerAndSerial<'_>>,
    ) -> Self {
        let written = (algorithm.oid != oid::SHA256).then_some(algorithm);
        self.value(oid::SIGNING_CERTIFICATE_V2, |w| {
            w.sequence(|w| w.sequence(|w| ess_cert_id(w, written, hash, named)));
        })
    }

    /// SMIMECapabilities (RFC 8551 §2.5.2), the preferred first.
    #[must_use]
    pub fn capabilities(self, capabilities: &[AlgorithmIdentifier<'_>]) -> Self {
        self.value(oid::SMIME_CAPABILITIES, |w| {
            w.sequence(|w| {
                for capability in capabilities {
                    w.algorithm(capability.oid, capability.parameters);
                }
            });
        })
    }

    /// SMIMEEncryptionKeyPreference (RFC 8551 §2.5.3) by issuer and serial number.
    #[must_use]
    pub fn key_preference(self, named: &IssuerAndSerial<'_>) -> Self {
        self.value(oid::ENCRYPTION_KEY_PREFERENCE, |w| {
            w.constructed(Tag::context_constructed(0), |w| {
                write_issuer_and_serial_fields(w, named);
            });
        })
    }

    /// CMSAlgorithmProtection (RFC 6211) of a signature.
    #[must_use]
    pub fn algorithm_protection(
        self,
        digest: AlgorithmIdentifier<'_>,
        signature: AlgorithmIdentifier<'_>,
    ) -> Self {
        self.value(oid::CMS_ALGORITHM_PROTECTION, |w| {
            w.sequence(|w| {
                w.algorithm(digest.oid, digest.parameters);
                w.constructed(Tag::context_constructed(1), |w| {
                    w.oid(signature.oid);
                    w.raw(signature.parameters.unwrap_or_default());
                });
            });
        })
    }

    /// countersignature (RFC 5652 §11.4): an encoded `SignerInfo`. Belongs among unsigned attributes.
    #[must_use]
    pub fn countersignature(self, signer_info: &[u8]) -> Self {
        self.values(oid::COUNTERSIGNATURE, &[signer_info])
    }

    /// A timestamp token (RFC 3161 appendix A): an encoded `ContentInfo`. Belongs among unsigned attributes.
    #[must_use]
    pub fn time_stamp_token(self, content_info: &[u8]) -> Self {
        self.values(oid::TIME_STAMP_TOKEN, &[content_info])
    }

    /// The set as it is signed or authenticated: SET OF, in DER but for the order where [`Order::AsGiven`] says so.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        Writer::encode(|w| match self.order {
            Order::Der | Order::AsGivenSignedAsDer => w.set_of(self.attributes.clone()),
            Order::AsGiven => w.constructed(Tag::SET, |w| w.raw(&self.attributes.concat())),
        })
    }

    /// The set as it is sent, under `[number] IMPLICIT`.
    pub fn write(&self, w: &mut Writer, number: u32) {
        let mut attributes = self.attributes.clone();
        if self.order == Order::Der {
            attributes.sort();
        }
        self.form
            .constructed(w, Tag::context_constructed(number), |w| {
                w.raw(&attributes.concat());
            });
    }
}

/// `ESSCertID` and `ESSCertIDv2` (RFC 5035 §6, §4).
fn ess_cert_id(
    w: &mut Writer,
    algorithm: Option<AlgorithmIdentifier<'_>>,
    hash: &[u8],
    named: Option<&IssuerAndSerial<'_>>,
) {
    w.sequence(|w| {
        if let Some(algorithm) = algorithm {
            w.algorithm(algorithm.oid, algorithm.parameters);
        }
        w.octet_string(hash);
        if let Some(named) = named {
            w.sequence(|w| {
                w.sequence(|w| w.explicit(4, |w| w.raw(named.issuer)));
                w.integer(named.serial.0);
            });
        }
    });
}
