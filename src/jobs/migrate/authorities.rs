//! Whose word is taken for an inner From: signers that lead to what the operator trusts.

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::Carried;
use crate::facts::record::SignatureFacts;
use crate::limits::Limits;
use crate::pki::pool::{PoolBuilder, Provenance, Spool};
use crate::pki::trust::{Anchors, Chain, Hierarchy, Purpose, Trust};

/// The operator's anchors and more certificates for paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    /// DER of every certificate of `--ca`.
    pub anchors: Vec<Vec<u8>>,
    /// DER of every certificate of `--certs`.
    pub certificates: Vec<Vec<u8>>,
    /// The clock of the run; a signing time after it counts for nothing.
    pub now: Time,
}

impl Authorities {
    /// The signer's certificate is trusted for mail at the time that the signature claims, or at `now` where it claims none. Material
    /// is what the message carries and what was given. Revocation is not asked: a migration has no lists.
    ///
    /// Where no certificate is known or a file can't be read the answer is no.
    pub(super) fn trust(
        &self,
        signature: &SignatureFacts,
        carried: &[Carried],
        limits: &Limits,
    ) -> bool {
        self.chain(signature, carried, limits)
            .is_ok_and(|chain| chain == Some(Chain::Trusted))
    }

    fn chain(
        &self,
        signature: &SignatureFacts,
        carried: &[Carried],
        limits: &Limits,
    ) -> Result<Option<Chain>, RunError> {
        let Some(signer) = signature.certificate else {
            return Ok(None);
        };
        let mut builder = PoolBuilder::new(Spool::memory());
        for der in &self.certificates {
            builder.insert_certificate(der, Provenance::Given)?;
        }
        for one in carried {
            builder.insert_certificate(&one.der, Provenance::Message)?;
        }
        let anchors = Anchors::new(self.anchors.iter().map(Vec::as_slice), &mut builder)?;
        let pool = builder.finish();
        let hierarchy = Hierarchy::new(&pool, &anchors, limits)?;
        let mut trust = Trust::new(&pool, &hierarchy, limits);
        let Some(id) = pool.find(&signer) else {
            return Ok(None);
        };
        let at = signature
            .signing_time
            .filter(|time| *time <= self.now)
            .unwrap_or(self.now);
        Ok(Some(trust.chain(id, Purpose::EmailSigning, at)?.value))
    }
}
