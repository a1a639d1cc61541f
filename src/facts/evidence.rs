//! What an auditor needs to repeat the steps by other means: each layer's CMS structure, and the bytes that were hashed.

use zeroize::Zeroizing;

use crate::cms::{SignedData, SignerInfo};
use crate::crypto::digest::DigestAlgorithm;
use crate::facts::axis::Digest;
use crate::facts::readings::Readings;
use crate::facts::record::SignatureFacts;
use crate::facts::walk::Walk;

/// The evidence of one layer. It can hold plaintext, so it is wiped when it is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LayerEvidence {
    /// The CMS structure, decoded, as it stands in the message; what is behind it too.
    pub cms: Zeroizing<Vec<u8>>,
    /// What may have been signed, in the order in which it was tried, with what it means for the digest axis if it was. Empty where the
    /// layer is not signed or the content is not there.
    pub readings: Vec<(Digest, Zeroizing<Vec<u8>>)>,
    /// For each SignerInfo the reading that its digest is of; None where it is of none, or that can't be told yet.
    pub signed: Vec<Option<usize>>,
}

impl Walk<'_> {
    /// Asks for evidence.
    pub(super) fn keep_evidence(&mut self) {
        self.evidence = Some(Vec::new());
    }

    /// Keeps the structure of layer `index`, if evidence is asked for.
    pub(super) fn keep_cms(&mut self, index: usize, cms: &[u8]) {
        if let Some(kept) = self.kept(index) {
            kept.cms = Zeroizing::new(cms.to_vec());
        }
    }

    /// Keeps what the signers of layer `index` may have signed, if evidence is asked for. `used`: the reading of the first that matched.
    pub(super) fn keep_readings(
        &mut self,
        index: usize,
        data: &SignedData<'_>,
        signatures: &[SignatureFacts],
        readings: Option<&mut Readings<'_>>,
        used: Option<usize>,
    ) {
        let (Some(kept), Some(readings)) = (self.kept(index), readings) else {
            return;
        };
        kept.readings = (0..readings.count())
            .map(|at| (readings.value(at), Zeroizing::new(readings.bytes(at))))
            .collect();
        let pairs = data.signers.iter().zip(signatures);
        kept.signed = pairs
            .map(|(signer, facts)| reading_of(signer, facts, readings, used))
            .collect();
    }

    fn kept(&mut self, index: usize) -> Option<&mut LayerEvidence> {
        let all = self.evidence.as_mut()?;
        if all.len() <= index {
            all.resize_with(index + 1, LayerEvidence::default);
        }
        all.get_mut(index)
    }
}

/// The reading that a signer's digest is of.
fn reading_of(
    signer: &SignerInfo<'_>,
    facts: &SignatureFacts,
    readings: &mut Readings<'_>,
    used: Option<usize>,
) -> Option<usize> {
    let Some(attributes) = &signer.signed_attributes else {
        // Which one of equal value: the one that verified.
        let same = |at: &usize| readings.value(*at) == facts.digest;
        return used
            .filter(same)
            .or_else(|| (0..readings.count()).find(same));
    };
    let algorithm = DigestAlgorithm::from_algorithm(&signer.digest_algorithm)
        .filter(|known| known.is_available())?;
    let wanted = attributes.message_digest().ok().flatten()?;
    readings.find(algorithm, &wanted)
}

impl std::fmt::Debug for LayerEvidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerEvidence")
            .field("cms", &self.cms.len())
            .field("readings", &self.readings.len())
            .field("signed", &self.signed)
            .finish()
    }
}
