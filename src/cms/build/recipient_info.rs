//! `RecipientInfo`, written (RFC 5652 §6.2; RFC 9629 §3), from the structures that the reader gives.

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::cms::identifier::EntityIdentifier;
use crate::cms::identifier::IssuerAndSerial;
use crate::cms::recipient_info::AgreedKey;
use crate::cms::recipient_info::KEK;
use crate::cms::recipient_info::KEY_AGREEMENT;
use crate::cms::recipient_info::Kem;
use crate::cms::recipient_info::KeyAgreement;
use crate::cms::recipient_info::OTHER;
use crate::cms::recipient_info::Originator;
use crate::cms::recipient_info::PASSWORD;
use crate::cms::recipient_info::Recipient;

/// `RecipientInfo` (RFC 5652 §6.2); a damaged one as it was.
pub fn write(w: &mut Writer, recipient: &Recipient<'_>) {
    match recipient {
        Recipient::KeyTransport(transport) => w.sequence(|w| {
            w.small_integer(transport.version);
            write_identifier(w, &transport.rid);
            algorithm(w, &transport.algorithm);
            w.octet_string(&transport.encrypted_key);
        }),
        Recipient::KeyAgreement(agreement) => {
            w.constructed(KEY_AGREEMENT, |w| key_agreement(w, agreement));
        }
        Recipient::Kek(kek) => w.constructed(KEK, |w| {
            w.small_integer(kek.version);
            w.sequence(|w| {
                w.octet_string(&kek.identifier);
                if let Some(date) = kek.date {
                    w.generalized_time(date);
                }
            });
            algorithm(w, &kek.algorithm);
            w.octet_string(&kek.encrypted_key);
        }),
        Recipient::Password(password) => w.constructed(PASSWORD, |w| {
            w.small_integer(password.version);
            if let Some(derivation) = &password.key_derivation {
                w.constructed(Tag::context_constructed(0), |w| {
                    w.oid(derivation.oid);
                    w.raw(derivation.parameters.unwrap_or_default());
                });
            }
            algorithm(w, &password.algorithm);
            w.octet_string(&password.encrypted_key);
        }),
        Recipient::Kem(kem) => w.constructed(OTHER, |w| {
            w.oid(oid::ORI_KEM);
            w.sequence(|w| write_kem(w, kem));
        }),
        Recipient::Other { oid, value } => w.constructed(OTHER, |w| {
            w.oid(*oid);
            w.raw(value);
        }),
        Recipient::Damaged { raw, .. } => w.raw(raw),
    }
}

fn key_agreement(w: &mut Writer, agreement: &KeyAgreement<'_>) {
    w.small_integer(agreement.version);
    w.explicit(0, |w| match &agreement.originator {
        Originator::Certificate(named) => write_identifier(w, named),
        Originator::PublicKey { algorithm: a, key } => {
            w.constructed(Tag::context_constructed(1), |w| {
                algorithm(w, a);
                let octets = [&[key.unused_bits], key.bytes].concat();
                w.primitive(Tag::BIT_STRING, &octets);
            });
        }
    });
    if let Some(ukm) = &agreement.ukm {
        w.explicit(1, |w| w.octet_string(ukm));
    }
    algorithm(w, &agreement.algorithm);
    w.sequence(|w| {
        for key in &agreement.keys {
            w.sequence(|w| agreed_key(w, key));
        }
    });
}

fn agreed_key(w: &mut Writer, key: &AgreedKey<'_>) {
    match &key.rid {
        EntityIdentifier::IssuerAndSerial(named) => write_issuer_and_serial(w, named),
        EntityIdentifier::SubjectKeyIdentifier(identifier) => {
            w.constructed(Tag::context_constructed(0), |w| w.octet_string(identifier));
        }
    }
    w.octet_string(&key.encrypted_key);
}

fn write_kem(w: &mut Writer, kem: &Kem<'_>) {
    w.small_integer(kem.version);
    write_identifier(w, &kem.rid);
    algorithm(w, &kem.kem);
    w.octet_string(&kem.ciphertext);
    algorithm(w, &kem.key_derivation);
    w.small_integer(kem.kek_bytes);
    if let Some(ukm) = &kem.ukm {
        w.explicit(0, |w| w.octet_string(ukm));
    }
    algorithm(w, &kem.wrap);
    w.octet_string(&kem.encrypted_key);
}

fn algorithm(w: &mut Writer, algorithm: &AlgorithmIdentifier<'_>) {
    w.algorithm(algorithm.oid, algorithm.parameters);
}

/// `SignerIdentifier` and `RecipientIdentifier` (RFC 5652 §5.3, §6.2.1).
pub(super) fn write_identifier(w: &mut Writer, identifier: &EntityIdentifier<'_>) {
    match identifier {
        EntityIdentifier::IssuerAndSerial(named) => write_issuer_and_serial(w, named),
        EntityIdentifier::SubjectKeyIdentifier(octets) => w.primitive(Tag::context(0), octets),
    }
}

fn write_issuer_and_serial(w: &mut Writer, named: &IssuerAndSerial<'_>) {
    w.sequence(|w| write_issuer_and_serial_fields(w, named));
}

pub(super) fn write_issuer_and_serial_fields(w: &mut Writer, named: &IssuerAndSerial<'_>) {
    w.raw(named.issuer);
    w.primitive(Tag::INTEGER, named.serial.0); // a serial number that is not minimal stays as the certificate has it
}
