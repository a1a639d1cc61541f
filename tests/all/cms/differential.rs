//! Whatever the `cms` crate and OpenSSL both take for a message, the reader takes for the same message; and nothing makes it panic.

use std::collections::BTreeMap;

use ::cms::authenveloped_data::AuthEnvelopedData;
use ::cms::cert::CertificateChoices;
use ::cms::cert::x509::Certificate;
use ::cms::compressed_data::CompressedData;
use ::cms::content_info::ContentInfo as OtherContentInfo;
use ::cms::der::Decode;
use ::cms::der::Encode;
use ::cms::der::EncodingRules;
use ::cms::der::Tagged;
use ::cms::digested_data::DigestedData;
use ::cms::encrypted_data::EncryptedData;
use ::cms::enveloped_data::EnvelopedData as OtherEnvelopedData;
use ::cms::signed_data::SignedData as OtherSignedData;
use mailseal::asn1::BerError;
use mailseal::asn1::BerErrorKind;
use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::asn1::oid;
use mailseal::asn1::tag::Class;
use mailseal::cms;
use mailseal::cms::Content;
use mailseal::cms::Layer;
use mailseal::limits::Limits;
use openssl::cms::CMSOptions;
use openssl::cms::CmsContentInfo;
use openssl::pkcs7::Pkcs7;
use openssl::x509::X509;

use super::mutate::mutated;
use super::samples;

const MUTATIONS_OF_EACH: u64 = 250;

/// What can be compared. None: that reader does not say.
#[derive(Default)]
struct Seen {
    signers: Option<usize>,
    recipients: Option<usize>,
    /// Sorted: the others sort sets.
    certificates: Option<Vec<Vec<u8>>>,
    content: Option<Vec<u8>>,
}

fn ours(bytes: &[u8]) -> Result<Seen, BerError> {
    let info = cms::read(bytes, &Limits::default())?;
    let mut seen = Seen::default();
    match info.layer {
        Layer::Signed(signed) => {
            seen.signers = Some(signed.signers.len());
            seen.certificates = Some(sorted(signed.carried.certificates));
            let content = signed.content.map(|c| c.bytes().unwrap().into_owned());
            seen.content = Some(content.unwrap_or_default());
            for signer in &signed.signers {
                exercise(signer);
            }
        }
        Layer::Enveloped(enveloped) => {
            seen.recipients = Some(enveloped.recipients.len());
            assert!(
                cms::recipient_info::rows(&enveloped.recipients).count()
                    >= enveloped.recipients.len()
            );
        }
        _ => {}
    }
    Ok(seen)
}

/// Everything that can be asked of a signer: the answers are tested elsewhere, here none may panic.
fn exercise(signer: &cms::SignerInfo<'_>) {
    let limits = Limits::default();
    for attributes in [signer.signed_attributes, signer.unsigned_attributes]
        .into_iter()
        .flatten()
    {
        assert!(
            attributes
                .to_digest()
                .pieces()
                .concat()
                .starts_with(&[0x31])
        );
        let _ = attributes.to_digest_sorted();
        let role = cms::attribute_rules::Role::Signer(oid::DATA);
        let _ = cms::attribute_rules::check(&attributes, role);
        let _ = cms::attribute_rules::check_unsigned(&attributes);
        let _ = attributes.signing_time();
        let _ = attributes.signing_certificate();
        let _ = attributes.signing_certificate_v2();
        let _ = attributes.algorithm_protection();
        let _ = attributes.smime_capabilities();
        let _ = attributes.encryption_key_preference();
        let _ = attributes.receipt_request();
        let _ = attributes.security_label();
        let _ = attributes.multiple_signatures();
    }
    signer.countersignatures(&limits).for_each(drop);
    signer.timestamp_tokens().for_each(|token| {
        let _ = cms::read(token, &limits);
    });
}

fn sorted<T: AsRef<[u8]>>(all: Vec<T>) -> Vec<Vec<u8>> {
    let mut all: Vec<_> = all.into_iter().map(|one| one.as_ref().to_vec()).collect();
    all.sort();
    all
}

fn of_the_crate(bytes: &[u8]) -> Option<Seen> {
    let info = OtherContentInfo::from_ber(bytes).ok()?;
    let content_type = info.content_type.to_string();
    let mut seen = Seen::default();
    match content_type.as_str() {
        "1.2.840.113549.1.7.2" => {
            let signed: OtherSignedData = inside(&info)?;
            seen.signers = Some(signed.signer_infos.0.len());
            let certificates = signed.certificates.map(|set| set.0.into_vec());
            let of_x509 = certificates
                .unwrap_or_default()
                .into_iter()
                .filter_map(|c| match c {
                    CertificateChoices::Certificate(certificate) => {
                        Some(certificate.to_der().unwrap())
                    }
                    CertificateChoices::Other(_) => None,
                });
            seen.certificates = Some(sorted(of_x509.collect()));
            seen.content = match signed.encap_content_info.econtent {
                None => Some(Vec::new()),
                Some(any) if any.tag() == ::cms::der::Tag::OctetString && !has_chunks(bytes) => {
                    Some(any.value().to_vec())
                }
                Some(_) => None, // it does not join chunks
            };
        }
        "1.2.840.113549.1.7.3" => {
            let enveloped: OtherEnvelopedData = inside(&info)?;
            seen.recipients = Some(enveloped.recip_infos.0.len());
        }
        "1.2.840.113549.1.7.5" => drop(inside::<DigestedData>(&info)?),
        "1.2.840.113549.1.7.6" => drop(inside::<EncryptedData>(&info)?),
        "1.2.840.113549.1.9.16.1.9" => drop(inside::<CompressedData>(&info)?),
        "1.2.840.113549.1.9.16.1.23" => drop(inside::<AuthEnvelopedData>(&info)?),
        _ => {}
    }
    Some(seen)
}

fn has_chunks(bytes: &[u8]) -> bool {
    match cms::read(bytes, &Limits::default()).map(|info| info.layer) {
        Ok(Layer::Signed(signed)) => {
            matches!(signed.content, Some(Content::Octets(octets)) if octets.is_chunked())
        }
        _ => false,
    }
}

fn inside<'a, T>(info: &'a OtherContentInfo) -> Option<T>
where
    T: ::cms::der::Choice<'a> + ::cms::der::DecodeValue<'a>,
{
    info.content.decode_as_encoding(EncodingRules::Ber).ok()
}

fn of_openssl(bytes: &[u8]) -> Option<Seen> {
    let mut message = CmsContentInfo::from_der(bytes).ok()?;
    let mut seen = Seen::default();
    let mut content = Vec::new();
    let flags = CMSOptions::NO_SIGNER_CERT_VERIFY
        | CMSOptions::NO_ATTR_VERIFY
        | CMSOptions::NO_CONTENT_VERIFY
        | CMSOptions::BINARY;
    if message
        .verify(None, None, None, Some(&mut content), flags)
        .is_ok()
    {
        seen.content = Some(content);
    }
    if let Ok(old) = Pkcs7::from_der(bytes)
        && let Some(signed) = old.signed()
    {
        let certificates = signed
            .certificates()
            .map(|all| all.iter().map(|one| one.to_der().unwrap()).collect());
        seen.certificates = Some(sorted(certificates.unwrap_or_default()));
    }
    Some(seen)
}

impl Seen {
    /// The certificates as the others write them once they have read them: neither keeps all octets as received.
    fn certificates_anew(&self, write: fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
        let all = self.certificates.as_ref()?;
        let anew: Option<Vec<_>> = all.iter().map(|one| write(one)).collect();
        anew.map(sorted)
    }
}

fn anew_by_openssl(certificate: &[u8]) -> Option<Vec<u8>> {
    X509::from_der(certificate).ok()?.to_der().ok()
}

fn anew_by_the_crate(certificate: &[u8]) -> Option<Vec<u8>> {
    Certificate::from_ber(certificate).ok()?.to_der().ok()
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let certificates = self.certificates.as_ref();
        write!(
            f,
            "{:?} signers, {:?} recipients, certificates {:?}, content {}",
            self.signers,
            self.recipients,
            certificates.map(|all| all.iter().map(Vec::len).collect::<Vec<_>>()),
            self.content.as_deref().map_or("-".to_owned(), hex),
        )
    }
}

/// Where they both say something, they say the same.
fn agree(a: &Seen, b: &Seen) -> Result<(), &'static str> {
    fn same<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
        a.is_none() || b.is_none() || a == b
    }
    if !same(&a.signers, &b.signers) {
        Err("signers")
    } else if !same(&a.recipients, &b.recipients) {
        Err("recipients")
    } else if !same(&a.certificates, &b.certificates)
        && !same(&a.certificates_anew(anew_by_openssl), &b.certificates)
        && !same(&a.certificates_anew(anew_by_the_crate), &b.certificates)
    {
        Err("certificates")
    } else if !same(&a.content, &b.content) {
        Err("content")
    } else {
        Ok(())
    }
}

/// A difference that is understood, and why it may be.
fn known(bytes: &[u8], ours: Result<&Seen, BerError>) -> Option<&'static str> {
    let error = ours.err()?;
    let wrong_type = matches!(
        error.kind,
        BerErrorKind::UnexpectedTag | BerErrorKind::TrailingData
    );
    let (parent, element) = at_offset(bytes, error.at).filter(|_| wrong_type)?;
    if parent.same_type(Tag::OCTET_STRING) {
        Some("refused: a chunk of another type than OCTET STRING, which X.690 §8.7.3.2 forbids")
    } else if element.class == Class::Context && !element.constructed {
        Some(
            "refused: a set under an IMPLICIT tag marked as primitive, which X.690 §8.12.1 forbids",
        )
    } else {
        None
    }
}

/// The tags of the element at this offset and of the one it stands in.
fn at_offset(bytes: &[u8], at: usize) -> Option<(Tag, Tag)> {
    let mut reader = Reader::new(bytes);
    let mut parent = Tag::NULL;
    while let Ok(element) = reader.element() {
        if element.at == at {
            return Some((parent, element.tag));
        }
        if (element.at..element.at + element.raw.len()).contains(&at) {
            parent = element.tag;
            reader = element.reader().ok()?;
        }
    }
    None
}

#[test]
fn both_oracles_and_the_reader_see_the_same() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for (number, sample) in samples::all().iter().enumerate() {
        for round in 0..MUTATIONS_OF_EACH {
            let bytes = if round == 0 {
                sample.bytes.clone()
            } else {
                mutated(&sample.bytes, (number as u64) << 32 | round)
            };
            let (ours, crates, openssls) = (ours(&bytes), of_the_crate(&bytes), of_openssl(&bytes));
            if round == 0 {
                assert!(ours.is_ok(), "{}: {ours:?}", sample.name);
            }
            let outcome = match (&ours, &crates, &openssls) {
                (Err(error), Some(_), Some(_)) => Err(format!("refused: {error}")),
                (Ok(ours), a, b) => [a, b]
                    .into_iter()
                    .flatten()
                    .try_for_each(|other| agree(ours, other).map_err(str::to_owned)),
                (Err(_), _, _) => Ok(()),
            };
            let class = match outcome {
                Ok(()) => format!(
                    "ours {}, crate {}, OpenSSL {}",
                    word(ours.is_ok()),
                    word(crates.is_some()),
                    word(openssls.is_some())
                ),
                Err(what) => match known(&bytes, ours.as_ref().map_err(|e| *e)) {
                    Some(why) => why.to_owned(),
                    None => {
                        faults.push(format!(
                            "{} round {round}: {what}\n ours {ours:?}\n crate {crates:?}\n OpenSSL {openssls:?}\n {}",
                            sample.name, hex(&bytes)
                        ));
                        "unexplained".to_owned()
                    }
                },
            };
            *counts.entry(class).or_default() += 1;
        }
    }
    eprintln!("{counts:#?}");
    let compared = counts.get("ours takes, crate takes, OpenSSL takes");
    assert!(
        compared > Some(&200),
        "hardly any change leaves a message: {counts:#?}"
    );
    assert!(
        faults.is_empty(),
        "{} unexplained, the first:\n{}",
        faults.len(),
        faults
            .iter()
            .take(4)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

fn word(taken: bool) -> &'static str {
    if taken { "takes" } else { "refuses" }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
