//! What anchors, lists and policy say of a certificate that mail is to be encrypted to, or signed with.

use crate::asn1::Time;
use crate::error::RunError;
use crate::judge::Judge;
use crate::judge::recipient::Standing;
use crate::judge::strength::{Strength, Used, strength};
use crate::pki::pool::CertificateId;
use crate::pki::trust::{
    Chain, ChainJudgement, Purpose, Revocation, RevocationJudgement, RevocationOptions,
};

impl Judge<'_> {
    /// Judges a certificate as a recipient's at a time. Of paths that are equally good the one counts about which the lists say the
    /// best, then the strongest.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn as_recipient(&mut self, id: CertificateId, at: Time) -> Result<Standing, RunError> {
        self.standing(id, Purpose::EmailEncryption, at)
    }

    /// Judges a certificate as a signer's, for mail that is yet to be signed.
    ///
    /// # Errors
    /// As [`Judge::as_recipient`].
    pub fn as_sender(&mut self, id: CertificateId, at: Time) -> Result<Standing, RunError> {
        self.standing(id, Purpose::EmailSigning, at)
    }

    fn standing(
        &mut self,
        id: CertificateId,
        purpose: Purpose,
        at: Time,
    ) -> Result<Standing, RunError> {
        let mut best: Option<Standing> = None;
        for chain in self.trust.chains(id, purpose, at)? {
            let one = self.along(&chain, at)?;
            let rank = |one: &Standing| (one.revocation, one.strength);
            if best.as_ref().is_none_or(|best| rank(&one) < rank(best)) {
                best = Some(one);
            }
        }
        best.ok_or(RunError::Internal {
            what: "a certificate was judged by no path",
        })
    }

    fn along(&mut self, chain: &ChainJudgement, at: Time) -> Result<Standing, RunError> {
        let options = RevocationOptions {
            use_crls: true,
            trust_embedded: self.policy.trust_embedded,
        };
        let revocation = match chain.anchor {
            Some(_) => Some(self.trust.revocation(&chain.path, at, options)?),
            None => None,
        };
        let mut used = Vec::with_capacity(chain.path.len());
        for (index, id) in chain.path.iter().enumerate() {
            // Nobody relies on the anchor; but where it is the recipient's own its key is what is used.
            if index == 0 || Some(*id) != chain.anchor {
                used.push(self.algorithms(*id)?);
            }
        }
        let used = used.iter().map(|used| Used {
            digest: used.digest,
            key: used.key,
            key_bits: used.key_bits,
            exponent: used.exponent,
        });
        let (value, reasons): (Strength, Vec<String>) = strength(used, self.policy, at);
        Ok(Standing {
            failures: chain
                .reasons
                .iter()
                .copied()
                .filter(|reason| *reason != Chain::Trusted)
                .collect(),
            anchor: chain.anchor.map(|id| self.pool.sha256(id)),
            revocation: revocation
                .as_ref()
                .map_or(Revocation::NotChecked, RevocationJudgement::value),
            revocation_lacking: revocation
                .as_ref()
                .is_none_or(RevocationJudgement::is_incomplete),
            strength: value,
            strength_reasons: reasons,
        })
    }
}
