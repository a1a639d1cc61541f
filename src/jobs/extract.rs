//! One message out of an archive, with everything that its verdict rests on, so that others can repeat it without mailseal.
//!
//! The message is read again at its place and must have the digest that the report has of it. Nothing that is not there is made up:
//! what is missing is left out, and the script says so. No name in the folder comes from mail.

mod folder;

mod material;

mod source;

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::asn1::{Reader, Tag, Writer, oid};
use crate::cms::{self, Layer as CmsLayer, SignerInfo};
use crate::error::RunError;
use crate::facts::evidence::LayerEvidence;
use crate::facts::finding::Finding;
use crate::facts::staged::Release;
use crate::facts::{Collected, Scratch, Settings, collect_evidence};
use crate::jobs::extract::folder::EvidenceFolder;
use crate::jobs::extract::material::Material;
use crate::jobs::given::Given;
use crate::mime::message::{Message as Stored, Origin, Quoting};
use crate::pki::keyring::Keyring;
use crate::pki::trust::Chain;
use crate::pki::x509::{Certificate, Crl, Ocsp};
use crate::report::encode::base64;
use crate::report::extract::{
    LayerFiles, SignatureFiles, layer_file, readme, script, signature_file,
};
use crate::report::reread::{Layer, Message, Signer};

/// What to extract.
#[derive(Debug)]
pub struct Extract<'a> {
    /// The report.
    pub report: &'a Path,
    /// The message's line in its `messages.jsonl`.
    pub line: &'a [u8],
    /// What the line says.
    pub message: &'a Message,
    /// The folder to make.
    pub target: &'a Path,
    /// The archives that were audited, in the same order.
    pub archives: &'a [PathBuf],
    /// Anchors and other certificates and CRLs that were given; only those that the record names are taken.
    pub given: &'a Given,
    /// Own keys; without any nothing is decrypted.
    pub keys: &'a Keyring,
    /// Bounds, and what may be decrypted.
    pub settings: &'a Settings,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// The files, sorted.
    pub names: Vec<String>,
    /// Layers that could not be taken out: they are in one that was not opened.
    pub closed: usize,
    /// Certificates or CRLs that the record names and that are not at hand.
    pub missing: usize,
}

/// Writes the evidence.
///
/// # Errors
/// `Exists` where the target is there; `Unusable` where the archive does not have the message that the report speaks of; what reading and
/// writing give. Nothing stands under the target's name then.
pub fn extract(extract: &Extract<'_>) -> Result<Extracted, RunError> {
    let place = source::locate(extract.report, extract.message)?;
    let bytes = source::read(extract.archives, &place, extract.message, extract.settings)?;
    let material = Material::load(extract.report, extract.message, extract.given)?;
    let folder = EvidenceFolder::create(extract.target)?;
    let mut job = Job {
        extract,
        material,
        folder,
        done: Extracted::default(),
    };
    match job.write(&place, &bytes) {
        Ok(()) => {
            job.folder.finish()?;
            Ok(job.done)
        }
        Err(error) => {
            job.folder.discard();
            Err(error)
        }
    }
}

struct Job<'e> {
    extract: &'e Extract<'e>,
    material: Material,
    folder: EvidenceFolder,
    done: Extracted,
}

impl Job<'_> {
    fn write(&mut self, place: &source::Place, bytes: &[u8]) -> Result<(), RunError> {
        let message = self.extract.message;
        let mut collected = self.collect(place, bytes);
        self.add("message.eml", bytes)?;
        self.add("record.json", self.extract.line)?;
        let pairs = pair(&message.layers, &collected);
        let mut files = Vec::with_capacity(message.layers.len());
        for (number, (layer, own)) in (1..).zip(message.layers.iter().zip(&pairs)) {
            let evidence = own.and_then(|own| collected.evidence.get(own));
            let written = match evidence.filter(|evidence| !evidence.cms.is_empty()) {
                Some(evidence) => self.layer(number, layer, evidence)?,
                None => LayerFiles::default(),
            };
            files.push(written);
        }
        for staged in std::mem::take(&mut collected.opened) {
            let of = usize::try_from(staged.layer).ok();
            let Some(at) = pairs.iter().position(|own| own.is_some() && *own == of) else {
                continue;
            };
            // The auditor gave the key and asked for it; `integrity` says what vouches for it.
            if let Ok(plaintext) = staged.release(Release::Any) {
                self.add(&layer_file("plaintext", at + 1, "eml"), &plaintext)?;
                if let Some(files) = files.get_mut(at) {
                    files.plaintext = true;
                }
            }
        }
        self.done.closed = files
            .iter()
            .zip(&message.layers)
            .filter(|(files, layer)| !files.cms && !layer.signatures.is_empty())
            .count();
        self.add("verify.sh", script(message, &files).as_bytes())?;
        let mut names = self.done.names.clone();
        names.push("README.txt".to_owned());
        names.sort();
        let text = readme(message, &names);
        self.add("README.txt", text.as_bytes())?;
        self.done.names = names;
        Ok(())
    }

    /// The facts again, with evidence. How an mbox quotes is told by which reading gives the facts of the report.
    fn collect(&self, place: &source::Place, bytes: &[u8]) -> Collected {
        let quotings: &[Quoting] = match place.is_mbox {
            true => &[
                Quoting::Ambiguous,
                Quoting::Mboxrd,
                Quoting::Mboxo,
                Quoting::None,
            ],
            false => &[Quoting::None],
        };
        let mut first = None;
        for quoting in quotings {
            let stored = Stored {
                bytes,
                form: place.form,
                origin: Origin {
                    quoting: *quoting,
                    ..Origin::default()
                },
            };
            let mut scratch = Scratch::default();
            let settings = self.extract.settings;
            let collected = collect_evidence(&stored, self.extract.keys, settings, &mut scratch);
            if agrees(&self.extract.message.layers, &collected) {
                return collected;
            }
            first = first.or(Some(collected));
        }
        first.unwrap_or_default()
    }

    fn layer(
        &mut self,
        number: usize,
        layer: &Layer,
        evidence: &LayerEvidence,
    ) -> Result<LayerFiles, RunError> {
        self.add(&layer_file("cms", number, "der"), &evidence.cms)?;
        let mut files = LayerFiles {
            cms: true,
            ..LayerFiles::default()
        };
        let info = cms::read(&evidence.cms, &self.extract.settings.limits);
        let data = match info.as_ref().map(|info| &info.layer) {
            Ok(CmsLayer::Signed(data)) => Some(data),
            Ok(_) | Err(_) => None,
        };
        let mut certificates = Vec::new();
        for (index, signer) in (1..).zip(&layer.signatures) {
            let at = usize::try_from(signer.index).ok();
            let info = data.and_then(|data| data.signers.get(at?));
            let content = at.and_then(|at| content(evidence, at, signer));
            let known = SignatureFiles {
                resorted: self.has(Finding::AttributesResorted, layer, signer),
                anchor_expired: self.has(Finding::AnchorExpired, layer, signer),
                ..SignatureFiles::default()
            };
            let written = self.signature((number, index), signer, info, content, known)?;
            if let Some(der) = self
                .material
                .certificate(signer.signer.certificate.as_deref())
            {
                certificates.push(der.to_vec());
            }
            files.signatures.push(written);
        }
        if !certificates.is_empty() {
            self.certificates(&layer_file("signers", number, "pem"), &certificates)?;
        }
        Ok(files)
    }

    fn signature(
        &mut self,
        place: (usize, usize),
        signer: &Signer,
        info: Option<&SignerInfo<'_>>,
        content: Option<&Zeroizing<Vec<u8>>>,
        known: SignatureFiles,
    ) -> Result<SignatureFiles, RunError> {
        let name = |kind: &str, ending: &str| signature_file(kind, place.0, place.1, ending);
        let mut files = known;
        if let Some(content) = content {
            self.add(&name("content", "bin"), content)?;
            files.content = true;
        }
        if let Some(info) = info {
            self.add(&name("signature", "bin"), &info.signature)?;
            if let Some(attributes) = &info.signed_attributes {
                let sorted = attributes.to_digest_sorted().filter(|_| known.resorted);
                let input = sorted.unwrap_or_else(|| attributes.to_digest());
                self.add(&name("attributes", "der"), &input.to_vec())?;
                files.attributes = true;
            }
            for (token, number) in info.timestamp_tokens().zip(1..) {
                let kind = format!("token-{}-{}", place.0, place.1);
                self.add(&layer_file(&kind, number, "der"), token)?;
                files.tokens = number;
            }
        }
        if let Some(der) = self.found(signer.signer.certificate.as_deref()) {
            self.certificates(&name("signer", "pem"), &[der])?;
            files.signer = true;
        }
        self.path(signer, &name, &mut files)?;
        self.revocation(signer, &name, &mut files)?;
        Ok(files)
    }

    /// What decided about revocation at the clock that decided, whom it speaks of, and who issued that one.
    fn revocation(
        &mut self,
        signer: &Signer,
        name: &dyn Fn(&str, &str) -> String,
        files: &mut SignatureFiles,
    ) -> Result<(), RunError> {
        let Some(source) = &signer.decisive().revocation_source else {
            return Ok(());
        };
        let evidence = |digest: &Option<String>| self.material.crl(digest.as_deref());
        let crl = evidence(&source.crl).map(<[u8]>::to_vec);
        let ocsp = evidence(&source.ocsp).map(<[u8]>::to_vec);
        self.done.missing += usize::from(crl.is_none() && ocsp.is_none());
        if let Some(der) = self.found(Some(&source.certificate)) {
            self.certificates(&name("asked", "pem"), &[der])?;
            files.asked = true;
        }
        let place = signer
            .path
            .iter()
            .position(|one| *one == source.certificate);
        let issuer = place.and_then(|place| signer.path.get(place + 1)).cloned();
        let issuer = self.found(issuer.as_deref());
        if let Some(der) = &issuer {
            self.certificates(&name("issuer", "pem"), std::slice::from_ref(der))?;
            files.issuer = true;
        }
        if let Some(der) = crl {
            self.add(&name("crl", "pem"), armoured("X509 CRL", &der).as_bytes())?;
            files.crl = true;
            files.list_of_issuer = issuer.is_some_and(|issuer| is_issuers(&der, &issuer));
        }
        if let Some(der) = ocsp {
            self.add(&name("ocsp", "der"), &der)?;
            files.ocsp = true;
            files.produced_at = Ocsp::read(&der).ok().map(|one| one.produced_at());
            if !is_response(&der) {
                self.add(&name("response", "der"), &response(&der))?;
                files.ocsp_is_basic = true;
            }
        }
        Ok(())
    }

    /// The path at the clock that decided, the signer left out.
    fn path(
        &mut self,
        signer: &Signer,
        name: &dyn Fn(&str, &str) -> String,
        files: &mut SignatureFiles,
    ) -> Result<(), RunError> {
        let Some((anchor, above)) = signer.path.split_last() else {
            return Ok(());
        };
        let mut chain: Vec<Vec<u8>> = Vec::new();
        for sha256 in above.iter().skip(1) {
            match self.found(Some(sha256)) {
                Some(der) => chain.push(der),
                None => files.incomplete = true,
            }
        }
        let anchored = signer.decisive().chain.is_some_and(leads_to_anchor);
        // A signer alone stands in a file of its own already.
        if anchored || !above.is_empty() {
            match (self.found(Some(anchor)), anchored) {
                (Some(der), true) => {
                    self.certificates(&name("anchor", "pem"), &[der])?;
                    files.anchor = true;
                }
                (Some(der), false) => chain.push(der),
                (None, _) => files.incomplete = true,
            }
        }
        if !chain.is_empty() {
            self.certificates(&name("chain", "pem"), &chain)?;
            files.chain = true;
        }
        Ok(())
    }

    /// The record has a finding of this signature.
    fn has(&self, code: Finding, layer: &Layer, signer: &Signer) -> bool {
        let place = format!("{}#{}", layer.path, signer.index);
        self.extract
            .message
            .findings
            .iter()
            .any(|finding| finding.code == code && finding.place == place)
    }

    /// A certificate that the record names; what is not at hand is counted.
    fn found(&mut self, sha256: Option<&str>) -> Option<Vec<u8>> {
        let found = self.material.certificate(sha256).map(<[u8]>::to_vec);
        self.done.missing += usize::from(sha256.is_some() && found.is_none());
        found
    }

    fn certificates(&mut self, name: &str, all: &[Vec<u8>]) -> Result<(), RunError> {
        let text: String = all.iter().map(|der| armoured("CERTIFICATE", der)).collect();
        self.add(name, text.as_bytes())
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        self.folder.write(name, bytes)?;
        self.done.names.push(name.to_owned());
        Ok(())
    }
}

/// The path ends at an anchor, whatever else hinders it.
fn leads_to_anchor(chain: Chain) -> bool {
    match chain {
        Chain::BadCertificateSignature
        | Chain::SelfSigned
        | Chain::Incomplete
        | Chain::UntrustedRoot => false,
        Chain::BadCa
        | Chain::PathLength
        | Chain::NameConstraint
        | Chain::Policy
        | Chain::BadPurpose
        | Chain::KeyOutOfPolicy
        | Chain::NotYetValid
        | Chain::Expired
        | Chain::Trusted => true,
    }
}

/// The list bears the issuer's name, and is not said to be signed with another key of his.
fn is_issuers(crl: &[u8], issuer: &[u8]) -> bool {
    let (Ok(crl), Ok(issuer)) = (Crl::read(crl), Certificate::read(issuer)) else {
        return false;
    };
    let key = issuer.extensions.subject_key_identifier().ok().flatten();
    let same_key = match (crl.authority_key(), key) {
        (Some(named), Some(own)) => named == own,
        (None, _) | (_, None) => true,
    };
    same_key && crl.issuer().matches(issuer.subject)
}

/// An OCSPResponse (RFC 6960 §4.2.1), not the BasicOCSPResponse in it alone, as CAdES has it.
fn is_response(der: &[u8]) -> bool {
    let mut r = Reader::new(der);
    let status = r.expect(Tag::SEQUENCE).and_then(|outer| outer.reader());
    status.is_ok_and(|inside| inside.peek() == Some(Tag::ENUMERATED))
}

/// The OCSPResponse around a BasicOCSPResponse, which is what openssl reads.
fn response(basic: &[u8]) -> Vec<u8> {
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

/// PEM (RFC 7468).
fn armoured(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    // 48 octets give 64 characters, so that no group is split.
    for line in der.chunks(48) {
        text.push_str(&base64(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// For each layer of the record the one that was collected, by its path; None where it is in one that was not opened.
fn pair(layers: &[Layer], collected: &Collected) -> Vec<Option<usize>> {
    let own = collected
        .facts
        .as_ref()
        .map(|facts| facts.layers.as_slice())
        .unwrap_or_default();
    let mut taken = vec![false; own.len()];
    let mut pairs = Vec::with_capacity(layers.len());
    for layer in layers {
        let free = (0..).zip(own.iter().zip(&taken));
        let found = free
            .filter(|(_, (one, taken))| !**taken && one.path == layer.path)
            .map(|(index, _)| index)
            .next();
        if let Some(taken) = found.and_then(|index: usize| taken.get_mut(index)) {
            *taken = true;
        }
        pairs.push(found);
    }
    pairs
}

/// The digests that were collected are those of the record, as far as both know them.
fn agrees(layers: &[Layer], collected: &Collected) -> bool {
    let Some(facts) = &collected.facts else {
        return false;
    };
    let pairs = pair(layers, collected);
    layers.iter().zip(pairs).all(|(layer, own)| {
        let Some(own) = own.and_then(|own| facts.layers.get(own)) else {
            return true;
        };
        // Without signed attributes a certificate from elsewhere tells the digest, which is not at hand here.
        layer
            .signatures
            .iter()
            .zip(&own.signatures)
            .all(|(one, own)| {
                one.digest == own.digest
                    || own.pending.is_some()
                    || one.certificate_source != own.certificate_source
            })
    })
}

/// The bytes that a signature's digest is of: those that matched, else those that the record's value names, else the first tried.
fn content<'e>(
    evidence: &'e LayerEvidence,
    at: usize,
    signer: &Signer,
) -> Option<&'e Zeroizing<Vec<u8>>> {
    let known = evidence.signed.get(at).copied().flatten();
    let named = || {
        evidence
            .readings
            .iter()
            .position(|(value, _)| *value == signer.digest)
    };
    let index = known.or_else(named).unwrap_or(0);
    evidence.readings.get(index).map(|(_, bytes)| bytes)
}
