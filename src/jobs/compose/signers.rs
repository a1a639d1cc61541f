//! Own keys, and which of them signs for an address.

use std::collections::{BTreeMap, BTreeSet};

use crate::asn1::oid;
use crate::crypto::PrivateKey;
use crate::crypto::digest::{DigestAlgorithm, sha256};
use crate::crypto::key::{Curve, KeyAlgorithm, PublicKey};
use crate::crypto::sign::sign;
use crate::crypto::signature::{Outcome, Signed, VerifyContext, verify};
use crate::crypto::signature_scheme::SignatureScheme;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::compose::refusal::{Problem, Refused, Role};
use crate::jobs::store::Ground;
use crate::judge::Judge;
use crate::judge::recipient::{
    Candidate, Capability, Decision, Evidence, Rules, Standing, choose_recipient,
};
use crate::limits::Limits;
use crate::mime::compare::folded;
use crate::pki::keyring::Keyring;
use crate::pki::x509::Certificate;
use crate::pki::x509::address::CertificateAddresses;
use crate::pki::x509::encryption::EncryptionUsage;
use crate::pki::x509::usable::{MailUse, usable_for};

/// How RSA keys sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RsaPadding {
    /// PKCS #1 v1.5 (RFC 8017 §8.2), which every reader knows.
    #[default]
    V15,
    /// PSS (RFC 8017 §8.1, RFC 4056).
    Pss,
}

/// A key that can sign, and what is sent with what it signs.
#[derive(Debug)]
pub struct Signer {
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// Of it.
    pub sha256: Sha256,
    /// The key.
    pub key: PrivateKey,
    /// How it signs.
    pub scheme: SignatureScheme,
    /// Certificates to send, in DER: its own, then each one's issuer; then that of the encryption key, where it is another.
    pub chain: Vec<Vec<u8>>,
    /// The certificate that mail to its owner is to be encrypted to, DER.
    pub encryption: Option<Vec<u8>>,
}

/// Own keys by address.
#[derive(Debug)]
pub struct Signers {
    candidates: Vec<Candidate>,
    /// Places among the candidates.
    by_address: BTreeMap<String, Vec<usize>>,
    signers: BTreeMap<Sha256, Signer>,
}

/// What signers are chosen with.
#[derive(Debug)]
pub struct Authority<'a> {
    /// Anchors and paths; every certificate of the key ring is in it.
    pub ground: &'a Ground,
    /// Certificates that the operator distrusts.
    pub distrusted: &'a BTreeSet<Sha256>,
    /// What is allowed.
    pub rules: Rules<'a>,
    /// How RSA keys sign.
    pub padding: RsaPadding,
    /// The bounds.
    pub limits: &'a Limits,
}

impl Signers {
    /// Judges the certificates of all keys, unlocks these, and has each sign once: a key that does not fit its certificate is found
    /// before the first message.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn new(
        keys: &Keyring,
        authority: &Authority<'_>,
        judge: &mut Judge<'_>,
    ) -> Result<Self, RunError> {
        let mut own = Self {
            candidates: Vec::new(),
            by_address: BTreeMap::new(),
            signers: BTreeMap::new(),
        };
        let mut encryption = Vec::new();
        for id in keys.keys() {
            for der in keys.certificates_of(id) {
                let Ok(certificate) = Certificate::read(der) else {
                    continue;
                };
                let Some(place) = authority.ground.find(&certificate.sha256()) else {
                    continue;
                };
                let at = authority.rules.at;
                let standing = judge.as_recipient(place, at)?;
                let usage = EncryptionUsage::of(&certificate);
                encryption.push(candidate(&certificate, authority, usage, standing));
                let standing = judge.as_sender(place, at)?;
                let candidate = candidate(&certificate, authority, signs(&certificate), standing);
                for address in candidate.addresses.iter().filter_map(|one| folded(one)) {
                    let places = own.by_address.entry(address).or_default();
                    places.push(own.candidates.len());
                }
                own.candidates.push(candidate);
                let key = keys.private_key(id).ok();
                if let Some((key, scheme)) = key.and_then(|key| {
                    let scheme = scheme(&certificate, authority.padding, authority.limits)?;
                    fits(key, &scheme, &certificate, authority.limits).then_some((key, scheme))
                }) {
                    let signer = Signer {
                        certificate: der.to_vec(),
                        sha256: certificate.sha256(),
                        key: key.clone(),
                        scheme,
                        chain: authority.ground.path(place, judge, at)?,
                        encryption: None,
                    };
                    own.signers.insert(signer.sha256, signer);
                }
            }
        }
        own.name_encryption(keys, &encryption, authority.rules);
        Ok(own)
    }

    /// Finds for each signer the certificate that mail to its address is to be encrypted to (RFC 8551 §2.5.3).
    fn name_encryption(&mut self, keys: &Keyring, candidates: &[Candidate], rules: Rules<'_>) {
        let ders: BTreeMap<Sha256, &[u8]> =
            keys.certificates().map(|der| (sha256(der), der)).collect();
        for candidate in &self.candidates {
            let Some(signer) = self.signers.get_mut(&candidate.sha256) else {
                continue;
            };
            for address in &candidate.addresses {
                let choice = choose_recipient(address, candidates, &[], rules);
                if let Ok((chosen, _)) = choice.chosen
                    && let Some(der) = ders.get(&chosen)
                {
                    signer.encryption = Some(der.to_vec());
                    if !signer.chain.iter().any(|sent| sent == der) {
                        signer.chain.push(der.to_vec());
                    }
                    break;
                }
            }
        }
    }

    /// The key that signs for an address.
    ///
    /// # Errors
    /// Why none does.
    pub fn of(&self, address: &str, rules: Rules<'_>) -> Result<&Signer, Refused> {
        let places = folded(address).and_then(|folded| self.by_address.get(&folded));
        let candidates: Vec<Candidate> = places
            .into_iter()
            .flatten()
            .filter_map(|place| self.candidates.get(*place).cloned())
            .collect();
        let choice = choose_recipient(address, &candidates, &[], rules);
        match choice.chosen {
            Ok((sha256, _)) => self
                .signers
                .get(&sha256)
                .ok_or_else(|| Refused::somebody(Role::Signer, address, Problem::KeyUnusable)),
            Err(refusal) => Err(Refused::no_choice(
                Role::Signer,
                address,
                &choice,
                refusal,
                rules.allowed,
            )),
        }
    }

    /// The certificate that mail to the owner of one of the keys is to be encrypted to, DER.
    #[must_use]
    pub fn encryption_of(&self, address: &str) -> Option<&[u8]> {
        let places = self.by_address.get(&folded(address)?)?;
        let candidates = places
            .iter()
            .filter_map(|place| self.candidates.get(*place));
        candidates
            .filter_map(|one| self.signers.get(&one.sha256))
            .find_map(|signer| signer.encryption.as_deref())
    }

    /// No key can sign.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }
}

/// A certificate of one's own: that it is, nobody has to confirm.
fn candidate(
    certificate: &Certificate<'_>,
    authority: &Authority<'_>,
    usage: EncryptionUsage,
    standing: Standing,
) -> Candidate {
    let own = certificate.sha256();
    let constraints = certificate.extensions.basic_constraints();
    Candidate {
        sha256: own,
        spki_sha256: certificate.spki_sha256(),
        issuer_sha256: sha256(&certificate.issuer.normalised()),
        addresses: CertificateAddresses::read(certificate)
            .list
            .into_iter()
            .map(|address| address.text)
            .collect(),
        not_before: certificate.not_before.ok(),
        not_after: certificate.not_after.ok(),
        is_authority: matches!(constraints, Ok(Some(constraints)) if constraints.ca),
        usage,
        decision: match authority.distrusted.contains(&own) {
            true => Decision::Distrusted,
            false => Decision::Trusted,
        },
        evidence: Evidence::default(),
        capability: Capability::Unknown,
        standing,
    }
}

/// May it sign mail? In the words of encryption, which name the same fields.
fn signs(certificate: &Certificate<'_>) -> EncryptionUsage {
    if usable_for(certificate).contains(&MailUse::Sign) {
        return EncryptionUsage::Good;
    }
    match certificate.extensions.extended_key_usage() {
        Ok(Some((usages, _)))
            if !usages.contains(&oid::EMAIL_PROTECTION)
                && !usages.contains(&oid::ANY_EXTENDED_KEY_USAGE) =>
        {
            EncryptionUsage::ExtendedKeyUsage
        }
        Err(_) => EncryptionUsage::ExtendedKeyUsage,
        Ok(Some(_) | None) => EncryptionUsage::KeyUsage,
    }
}

/// SHA-256, or what a curve's size asks for (RFC 5753 §8, RFC 8419 §3.1). None for keys that don't sign.
fn scheme(
    certificate: &Certificate<'_>,
    padding: RsaPadding,
    limits: &Limits,
) -> Option<SignatureScheme> {
    let digest = DigestAlgorithm::Sha256;
    let pss = SignatureScheme::RsaPss {
        digest,
        mgf_digest: digest,
        salt_bytes: 32,
    };
    let key = PublicKey::from_spki(certificate.spki, limits).ok()?;
    match key.algorithm() {
        KeyAlgorithm::Rsa => Some(match padding {
            RsaPadding::V15 => SignatureScheme::RsaV15(digest),
            RsaPadding::Pss => pss,
        }),
        KeyAlgorithm::RsaPss => Some(pss),
        KeyAlgorithm::Ec(curve) => Some(SignatureScheme::Ecdsa(match curve {
            Curve::P384 | Curve::BrainpoolP384r1 => DigestAlgorithm::Sha384,
            Curve::P521 | Curve::BrainpoolP512r1 => DigestAlgorithm::Sha512,
            Curve::P192
            | Curve::P224
            | Curve::P256
            | Curve::Secp256k1
            | Curve::BrainpoolP256r1
            | Curve::BrainpoolP320r1 => digest,
        })),
        KeyAlgorithm::Ed25519 => Some(SignatureScheme::Ed25519),
        KeyAlgorithm::Ed448 => Some(SignatureScheme::Ed448),
        KeyAlgorithm::Dsa
        | KeyAlgorithm::Dh
        | KeyAlgorithm::X25519
        | KeyAlgorithm::X448
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87
        | KeyAlgorithm::MlKem512
        | KeyAlgorithm::MlKem768
        | KeyAlgorithm::MlKem1024 => None,
    }
}

/// What the key signs, the certificate verifies.
fn fits(
    key: &PrivateKey,
    scheme: &SignatureScheme,
    certificate: &Certificate<'_>,
    limits: &Limits,
) -> bool {
    let Ok(public) = PublicKey::from_spki(certificate.spki, limits) else {
        return false;
    };
    let signed = Signed::Message(&[b"mailseal"]);
    let Ok(signature) = sign(scheme, key, signed) else {
        return false;
    };
    let context = &mut VerifyContext::new();
    verify(scheme, &public, signed, &signature, context) == Outcome::Valid
}
