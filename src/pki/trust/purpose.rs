//! What a certificate is meant for (RFC 8550 §4.4, RFC 3161 §2.3), and who may issue one (RFC 5280 §6.1.4).

use crate::asn1::oid;
use crate::asn1::oid::Oid;
use crate::pki::trust::path::Failures;
use crate::pki::trust::{Chain, Purpose, TrustFinding};
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::encryption::EncryptionUsage;
use crate::pki::x509::extensions::KeyUsageBit;

/// Asks the certificate at the end of the path. With `None` nothing is asked but that its critical extensions are known:
/// that is how the signer of a CRL is looked at.
pub(super) fn of_signer(
    certificate: &Certificate<'_>,
    purpose: Option<Purpose>,
    failures: &mut Failures,
) {
    let extensions = &certificate.extensions;
    if extensions.end.is_err() || extensions.unknown_critical().next().is_some() {
        failures.add(Chain::BadPurpose, Some(TrustFinding::CriticalExtension));
    }
    let Some(purpose) = purpose else {
        return;
    };
    if purpose == Purpose::EmailEncryption {
        match EncryptionUsage::of(certificate) {
            EncryptionUsage::Good => {}
            EncryptionUsage::CannotEncrypt | EncryptionUsage::KeyUsage => {
                failures.add(Chain::BadPurpose, Some(TrustFinding::KeyUsage));
            }
            EncryptionUsage::ExtendedKeyUsage => {
                failures.add(Chain::BadPurpose, Some(TrustFinding::ExtendedKeyUsage));
            }
        }
        return;
    }
    let wanted = match extensions.extended_key_usage() {
        Err(_) => false,
        Ok(None) => purpose == Purpose::EmailSigning,
        Ok(Some((usages, critical))) => match purpose {
            Purpose::EmailSigning | Purpose::EmailEncryption => {
                allows(&usages, oid::EMAIL_PROTECTION)
            }
            // Only this one, and critical: RFC 3161 §2.3.
            Purpose::TimeStamping => critical && usages == [oid::TIME_STAMPING],
        },
    };
    if !wanted {
        failures.add(Chain::BadPurpose, Some(TrustFinding::ExtendedKeyUsage));
    }
    let usable = match extensions.key_usage() {
        Err(_) => false,
        Ok(None) => true,
        Ok(Some(usage)) => {
            usage.has(KeyUsageBit::DigitalSignature) || usage.has(KeyUsageBit::NonRepudiation)
        }
    };
    if !usable {
        failures.add(Chain::BadPurpose, Some(TrustFinding::KeyUsage));
    }
    if matches!(extensions.basic_constraints(), Ok(Some(constraints)) if constraints.ca) {
        failures.note(TrustFinding::CaAsSigner);
    }
}

/// Asks a certificate that issued the one before it. An anchor may be of version 1, or say by its key usage alone that it
/// is an authority, and is not asked for its extended key usage: the operator chose it.
pub(super) fn of_issuer(
    certificate: &Certificate<'_>,
    is_anchor: bool,
    purpose: Option<Purpose>,
    failures: &mut Failures,
) {
    let extensions = &certificate.extensions;
    if extensions.end.is_err() || extensions.unknown_critical().next().is_some() {
        failures.add(Chain::BadCa, Some(TrustFinding::CriticalExtension));
    }
    let usage = extensions.key_usage();
    let signs_certificates = match usage {
        Err(_) => false,
        Ok(None) => true,
        Ok(Some(usage)) => usage.has(KeyUsageBit::KeyCertSign),
    };
    if !signs_certificates {
        failures.add(Chain::BadCa, Some(TrustFinding::IssuerWithoutKeyCertSign));
    }
    match extensions.basic_constraints() {
        Ok(Some(constraints)) if constraints.ca => {}
        Ok(None) if certificate.version == Ok(1) => {
            if !is_anchor {
                failures.add(Chain::BadCa, Some(TrustFinding::IssuerVersion1));
            }
        }
        Ok(None) if is_anchor && signs_certificates && matches!(usage, Ok(Some(_))) => {}
        Ok(_) | Err(_) => failures.add(Chain::BadCa, Some(TrustFinding::IssuerNotCa)),
    }
    let wanted = match purpose {
        None => return,
        Some(Purpose::EmailSigning | Purpose::EmailEncryption) => oid::EMAIL_PROTECTION,
        Some(Purpose::TimeStamping) => oid::TIME_STAMPING,
    };
    let constrained_away = match extensions.extended_key_usage() {
        Err(_) => true,
        Ok(None) => false,
        Ok(Some((usages, _))) => !allows(&usages, wanted),
    };
    if constrained_away && !is_anchor {
        failures.add(Chain::BadPurpose, Some(TrustFinding::IssuerUsage));
    }
}

fn allows(usages: &[Oid<'_>], wanted: Oid<'_>) -> bool {
    usages.contains(&wanted) || usages.contains(&oid::ANY_EXTENDED_KEY_USAGE)
}
