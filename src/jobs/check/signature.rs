//! The signature over the tag manifest, by the certificate that came with it. Whose that is, and whether it leads to an anchor, is another
//! question: `openssl cms -verify` answers it.

use crate::cms::{self, EntityIdentifier, Layer, SignedData, SignerInfo};
use crate::crypto::digest::{DigestAlgorithm, digest};
use crate::crypto::key::PublicKey;
use crate::crypto::signature::{Outcome, Signed, VerifyContext, verify};
use crate::crypto::signature_scheme::SignatureScheme;
use crate::limits::Limits;
use crate::pki::x509::Certificate;

/// Is `der` a detached signature over `content` (RFC 5652 §5.4), with a certificate whose key made it, and every signer's? Never fails:
/// what can't be read is none.
pub(super) fn is_over(der: &[u8], content: &[u8]) -> bool {
    let limits = Limits::default();
    let Ok(info) = cms::read(der, &limits) else {
        return false;
    };
    let Layer::Signed(data) = info.layer else {
        return false;
    };
    info.trailing_bytes == 0
        && data.content.is_none()
        && !data.signers.is_empty()
        && data
            .signers
            .iter()
            .all(|signer| signed(signer, &data, content, &limits).is_some())
}

fn signed(
    signer: &SignerInfo<'_>,
    data: &SignedData<'_>,
    content: &[u8],
    limits: &Limits,
) -> Option<()> {
    let attributes = signer.signed_attributes.as_ref()?;
    let algorithm = DigestAlgorithm::from_algorithm(&signer.digest_algorithm)?;
    let digest = digest(algorithm, &[content]).ok()?;
    let said = attributes.message_digest().ok()??;
    let carried = &data.carried.certificates;
    let certificate = carried.iter().find_map(|der| {
        let certificate = Certificate::read(der).ok()?;
        is_of(signer, &certificate).then_some(certificate)
    })?;
    let key = PublicKey::from_spki(certificate.spki, limits).ok()?;
    let (by, with) = (&signer.signature_algorithm, &signer.digest_algorithm);
    let scheme = SignatureScheme::from_cms(by, with, &key).ok()?;
    let input = attributes.to_digest();
    let over = Signed::Message(&input.pieces());
    let outcome = verify(
        &scheme,
        &key,
        over,
        &signer.signature,
        &mut VerifyContext::new(),
    );
    (said == digest.as_bytes() && outcome == Outcome::Valid).then_some(())
}

/// Ours name the certificate by issuer and serial.
fn is_of(signer: &SignerInfo<'_>, certificate: &Certificate<'_>) -> bool {
    match &signer.sid {
        EntityIdentifier::IssuerAndSerial(named) => {
            named.issuer == certificate.issuer.raw() && named.serial == certificate.serial
        }
        EntityIdentifier::SubjectKeyIdentifier(_) => false,
    }
}
