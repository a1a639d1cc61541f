//! Every authority whose signature leads to an anchor, and every CRL that one of them signed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::crypto::key::{KeyError, PublicKey};
use crate::error::RunError;
use crate::limits::Limits;
use crate::pki::pool::{CertificateId, CrlId, Pool};
use crate::pki::trust::anchors::Anchors;
use crate::pki::trust::link::Checker;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extensions::KeyUsageBit;
use crate::pki::x509::name::{Name, NameKey};

/// A certificate that leads to an anchor and whose subject is the issuer of something.
pub(super) struct Node {
    pub(super) id: CertificateId,
    pub(super) der: Vec<u8>,
    pub(super) subject: NameKey,
    pub(super) spki_sha256: [u8; 32],
    /// Its key, with DSA parameters inherited from the issuer that was found first.
    pub(super) key: Result<PublicKey, KeyError>,
    pub(super) is_anchor: bool,
    /// An anchor, or issued by an authority that leads to one over authorities only. Whoever has any certificate of a trusted
    /// authority can issue others with his own key, as many as he likes and with every name: they come behind the real ones.
    pub(super) is_genuine: bool,
    /// It is genuine, and an authority: its own issuances are genuine.
    pub(super) may_issue: bool,
    /// Certificates between it and the nearest anchor, the anchor counted: 0 for one.
    pub(super) distance: usize,
}

impl Node {
    /// Only certificates that can be read become nodes.
    pub(super) fn certificate(&self) -> Option<Certificate<'_>> {
        Certificate::read(&self.der).ok()
    }
}

/// A CRL with the authorities whose key verifies it and may.
pub(super) struct SignedCrl {
    pub(super) id: CrlId,
    pub(super) signers: Vec<CertificateId>,
}

/// Made once for a pool and its anchors. Equal sets give the same hierarchy, whatever their order.
pub struct Hierarchy {
    nodes: HashMap<CertificateId, Arc<Node>>,
    /// Issuers whose key verified the certificate's signature, the genuine ones first, then those near an anchor, then by SHA-256.
    links: HashMap<CertificateId, Vec<CertificateId>>,
    /// Nodes by their subject's key, by SHA-256.
    by_subject: HashMap<NameKey, Vec<CertificateId>>,
    /// CRLs by their issuer's key, by SHA-256.
    crls: HashMap<NameKey, Vec<SignedCrl>>,
    /// Sorted.
    unsigned: Vec<CrlId>,
    /// What the operator distrusts is no node, and has no path of its own.
    distrusted: HashSet<CertificateId>,
}

impl Hierarchy {
    /// Finds the authorities, the anchors first and then each generation below, and the CRLs.
    ///
    /// Costs a signature check for each certificate and each different key of an authority that bears its issuer's name,
    /// at most [`Limits::path_checks`] for one certificate.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn new(pool: &Pool, anchors: &Anchors, limits: &Limits) -> Result<Self, RunError> {
        let mut growth = Growth {
            pool,
            checker: Checker::new(limits),
            hierarchy: Self {
                nodes: HashMap::new(),
                links: HashMap::new(),
                by_subject: HashMap::new(),
                crls: HashMap::new(),
                unsigned: Vec::new(),
                distrusted: distrusted(pool, anchors)?,
            },
            crl_issuers: pool.crls().map(|(_, crl)| crl.crl.issuer_key()).collect(),
            tried: HashMap::new(),
            checks: HashMap::new(),
            queue: VecDeque::new(),
            later: VecDeque::new(),
        };
        for id in anchors.certificates() {
            if !growth.hierarchy.is_distrusted(id) {
                growth.add(id, None)?;
            }
        }
        while let Some(issuer) = growth
            .queue
            .pop_front()
            .or_else(|| growth.later.pop_front())
        {
            growth.grow_below(&issuer)?;
        }
        let mut hierarchy = growth.hierarchy;
        let nodes = &hierarchy.nodes;
        let is_genuine = |id: &CertificateId| {
            nodes
                .get(id)
                .is_some_and(|node: &Arc<Node>| node.is_genuine)
        };
        for issuers in hierarchy.links.values_mut() {
            issuers.sort_unstable_by_key(|id| {
                let distance = nodes.get(id).map(|node| node.distance);
                (!is_genuine(id), distance, pool.sha256(*id))
            });
        }
        for nodes in hierarchy.by_subject.values_mut() {
            nodes.sort_unstable_by_key(|id| pool.sha256(*id));
        }
        hierarchy.read_crls(pool, &mut growth.checker);
        Ok(hierarchy)
    }

    /// There is an anchor: every node leads to one.
    pub(super) fn has_anchors(&self) -> bool {
        !self.nodes.is_empty()
    }

    fn read_crls(&mut self, pool: &Pool, checker: &mut Checker<'_>) {
        for (id, pooled) in pool.crls() {
            let crl = &pooled.crl;
            let mut nodes: Vec<&Arc<Node>> = self.with_subject(crl.issuer_key(), crl.issuer());
            nodes.sort_by_key(|node| {
                let identified = has_key_identifier(node, crl.authority_key());
                (!node.is_genuine, !identified)
            });
            let issuer_is_known = !nodes.is_empty();
            let mut verdicts: HashMap<[u8; 32], bool> = HashMap::new();
            let mut signers = Vec::new();
            for node in nodes {
                let verified = match verdicts.get(&node.spki_sha256) {
                    Some(known) => *known,
                    None if verdicts.len() >= checker.path_checks() => continue,
                    None => {
                        let key = node.key.as_ref();
                        let verified = key.is_ok_and(|key| checker.signed_crl(crl, key));
                        verdicts.insert(node.spki_sha256, verified);
                        verified
                    }
                };
                if verified && may_sign_crls(node) {
                    signers.push(node.id);
                }
            }
            if !signers.is_empty() {
                let signed = SignedCrl { id, signers };
                self.crls.entry(crl.issuer_key()).or_default().push(signed);
            } else if issuer_is_known {
                self.unsigned.push(id);
            }
        }
    }

    /// The CRL bears the name of an authority that leads to an anchor, and none of that name signed it who may. It counts for
    /// nothing, as one whose issuer is not known does.
    pub(super) fn is_unsigned(&self, crl: CrlId) -> bool {
        self.unsigned.binary_search(&crl).is_ok()
    }

    pub(super) fn node(&self, id: CertificateId) -> Option<&Arc<Node>> {
        self.nodes.get(&id)
    }

    /// The operator distrusts it.
    pub(super) fn is_distrusted(&self, id: CertificateId) -> bool {
        self.distrusted.contains(&id)
    }

    /// Issuers of a node, verified.
    pub(super) fn issuers(&self, id: CertificateId) -> &[CertificateId] {
        self.links.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Nodes with this subject, by SHA-256.
    pub(super) fn with_subject(&self, key: NameKey, subject: Name<'_>) -> Vec<&Arc<Node>> {
        let ids = self.by_subject.get(&key).map(Vec::as_slice);
        ids.unwrap_or_default()
            .iter()
            .filter_map(|id| self.nodes.get(id))
            .filter(|node| {
                node.certificate()
                    .is_some_and(|certificate| certificate.subject.matches(subject))
            })
            .collect()
    }

    /// CRLs whose issuer has this key, each signed by somebody who may and leads to an anchor.
    pub(super) fn crls_of(&self, issuer: NameKey) -> &[SignedCrl] {
        self.crls
            .get(&issuer)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

/// The key identifier is written in the certificate, or computed where none is written.
pub(super) fn has_key_identifier(node: &Node, wanted: Option<&[u8]>) -> bool {
    let (Some(wanted), Some(certificate)) = (wanted, node.certificate()) else {
        return false;
    };
    match certificate.extensions.subject_key_identifier() {
        Ok(Some(written)) => written == wanted,
        Ok(None) | Err(_) => certificate
            .computed_key_identifier()
            .is_some_and(|computed| computed == wanted),
    }
}

/// A key usage that is there must have cRLSign (RFC 5280 §6.3.3 (f)).
fn may_sign_crls(node: &Node) -> bool {
    let Some(certificate) = node.certificate() else {
        return false;
    };
    match certificate.extensions.key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => usage.has(KeyUsageBit::CrlSign),
        Err(_) => false,
    }
}

struct Growth<'p> {
    pool: &'p Pool,
    checker: Checker<'p>,
    hierarchy: Hierarchy,
    crl_issuers: HashSet<NameKey>,
    /// Did this key sign this certificate?
    tried: HashMap<(CertificateId, [u8; 32]), bool>,
    /// Signature checks spent on a certificate.
    checks: HashMap<CertificateId, usize>,
    queue: VecDeque<Arc<Node>>,
    /// What is below these is not genuine, so it is looked at when all that is has its place.
    later: VecDeque<Arc<Node>>,
}

impl Growth<'_> {
    /// Adds an anchor (no issuer) or a certificate that `issuer` signed.
    fn add(&mut self, id: CertificateId, issuer: Option<&Node>) -> Result<(), RunError> {
        let der = self.pool.der(id)?.into_owned();
        let Ok(certificate) = Certificate::read(&der) else {
            return Ok(());
        };
        let issuer_key = issuer.and_then(|issuer| issuer.key.as_ref().ok());
        let is_genuine = issuer.is_none_or(|issuer| issuer.may_issue);
        let node = Arc::new(Node {
            id,
            subject: certificate.subject.key(),
            spki_sha256: certificate.spki_sha256(),
            key: self.checker.key(&certificate, issuer_key),
            is_anchor: issuer.is_none(),
            is_genuine,
            distance: issuer.map_or(0, |issuer| issuer.distance + 1),
            may_issue: issuer.is_none() || (is_genuine && is_authority(&certificate)),
            der,
        });
        let same_subject = self.hierarchy.by_subject.entry(node.subject).or_default();
        same_subject.push(id);
        self.hierarchy.nodes.insert(id, Arc::clone(&node));
        let queue = if node.may_issue {
            &mut self.queue
        } else {
            &mut self.later
        };
        queue.push_back(node);
        Ok(())
    }

    fn grow_below(&mut self, issuer: &Arc<Node>) -> Result<(), RunError> {
        let Some(above) = issuer.certificate() else {
            return Ok(());
        };
        let pool = self.pool;
        for id in pool.with_issuer_key(issuer.subject) {
            let known = self.hierarchy.nodes.get(id);
            if *id == issuer.id
                || known.is_some_and(|node| node.is_anchor)
                || self.hierarchy.is_distrusted(*id)
                || !self.issues(*id)
            {
                continue;
            }
            let der = pool.der(*id)?;
            let signed = Certificate::read(&der).is_ok_and(|below| {
                below.issuer.matches(above.subject) && self.signed(*id, &below, issuer)
            });
            if !signed {
                continue;
            }
            if known_is_missing(&self.hierarchy, *id) {
                self.add(*id, Some(issuer))?;
            }
            self.hierarchy.links.entry(*id).or_default().push(issuer.id);
        }
        Ok(())
    }

    /// Something in the pool was issued by this certificate's subject.
    fn issues(&self, id: CertificateId) -> bool {
        self.pool.name_keys(id).is_some_and(|(subject, _)| {
            let issued = self.pool.with_issuer_key(subject);
            issued.iter().any(|other| *other != id) || self.crl_issuers.contains(&subject)
        })
    }

    fn signed(&mut self, id: CertificateId, below: &Certificate<'_>, issuer: &Node) -> bool {
        if let Some(known) = self.tried.get(&(id, issuer.spki_sha256)) {
            return *known;
        }
        let Ok(key) = &issuer.key else {
            return false;
        };
        let checks = self.checks.entry(id).or_default();
        if *checks >= self.checker.path_checks() {
            return false;
        }
        *checks += 1;
        let signed = self.checker.signed(below, key);
        self.tried.insert((id, issuer.spki_sha256), signed);
        signed
    }
}

/// What the operator distrusts, and every other certificate of the same subject with the same key: the same one can be encoded in
/// another way that nobody signed, and an authority can be issued anew.
fn distrusted(pool: &Pool, anchors: &Anchors) -> Result<HashSet<CertificateId>, RunError> {
    let mut all: HashSet<CertificateId> = pool
        .certificates()
        .filter(|id| anchors.is_distrusted(&pool.sha256(*id)))
        .collect();
    let mut subjects = HashSet::new();
    let mut keys = HashSet::new();
    for id in &all {
        let der = pool.der(*id)?;
        if let (Ok(certificate), Some((subject, _))) =
            (Certificate::read(&der), pool.name_keys(*id))
        {
            subjects.insert(subject);
            keys.insert((subject, certificate.spki_sha256()));
        }
    }
    if keys.is_empty() {
        return Ok(all);
    }
    for id in pool.certificates() {
        let Some((subject, _)) = pool.name_keys(id) else {
            continue;
        };
        if subjects.contains(&subject) {
            let der = pool.der(id)?;
            let same = Certificate::read(&der)
                .is_ok_and(|certificate| keys.contains(&(subject, certificate.spki_sha256())));
            if same {
                all.insert(id);
            }
        }
    }
    Ok(all)
}

/// It may issue certificates (RFC 5280 §4.2.1.3, §4.2.1.9).
fn is_authority(certificate: &Certificate<'_>) -> bool {
    let constraints = certificate.extensions.basic_constraints();
    let usage = match certificate.extensions.key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => usage.has(KeyUsageBit::KeyCertSign),
        Err(_) => false,
    };
    usage && matches!(constraints, Ok(Some(constraints)) if constraints.ca)
}

fn known_is_missing(hierarchy: &Hierarchy, id: CertificateId) -> bool {
    !hierarchy.nodes.contains_key(&id)
}
