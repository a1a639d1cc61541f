//! What OpenSSL writes is read, what is written OpenSSL verifies and opens, and the samples of RFC 4134 say what the RFC says.

use std::fs;

use mailseal::asn1::Integer;
use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::asn1::Time;
use mailseal::asn1::oid;
use mailseal::cms;
use mailseal::cms::EntityIdentifier;
use mailseal::cms::IssuerAndSerial;
use mailseal::cms::Layer;
use mailseal::cms::Recipient;
use mailseal::cms::SignedData;
use mailseal::cms::TstInfo;
use mailseal::cms::attribute_rules::Role;
use mailseal::cms::build;
use mailseal::cms::build::AttributeList;
use mailseal::cms::build::Content;
use mailseal::cms::build::Form;
use mailseal::cms::build::Order;
use mailseal::cms::recipient_info::KeyTransport;
use mailseal::limits::Limits;
use openssl::cms::CMSOptions;
use openssl::cms::CmsContentInfo;
use openssl::hash::MessageDigest;
use openssl::hash::hash;
use openssl::pkey::PKey;
use openssl::pkey::Private;
use openssl::rsa::Padding;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::sign::Verifier;
use openssl::symm::Cipher;
use openssl::x509::X509;

use super::samples;
use super::samples::NULL;
use super::samples::algorithm;
use crate::program::shared;

fn signed<'a>(message: &'a [u8]) -> SignedData<'a> {
    match cms::read(message, &Limits::default()).unwrap().layer {
        Layer::Signed(signed) => signed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_openssl_signs_verifies_over_the_octets_given_out() {
    let Some(folder) = samples::openssl_folder() else {
        eprintln!("skipped: no openssl");
        return;
    };
    let pem = fs::read(folder.path().join("rsa.pem")).unwrap();
    let key = X509::from_pem(&pem).unwrap().public_key().unwrap();
    let content = fs::read(folder.path().join("content")).unwrap();
    let command =
        "cms -sign -binary -in content -outform DER -signer rsa.pem -inkey rsa.key -md sha256";
    for (options, attributes) in [
        ("", true),
        ("-nodetach", true),
        ("-nodetach -stream", true),
        ("-nodetach -cades -keyid", true),
        ("-nodetach -noattr", false),
    ] {
        let message = samples::openssl(folder.path(), &format!("{command} {options}")).unwrap();
        let info = cms::read(&message, &Limits::default()).unwrap();
        assert_eq!(info.ber, options.contains("stream"), "{options}");
        let signed = signed(&message);
        assert_eq!(signed.signers.len(), 1, "{options}");
        let der = X509::from_pem(&pem).unwrap().to_der().unwrap();
        assert_eq!(signed.carried.certificates, [&der[..]], "{options}");
        let signer = &signed.signers[0];
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
        match signer.signed_attributes {
            Some(all) => {
                for piece in all.to_digest().pieces() {
                    verifier.update(piece).unwrap();
                }
                assert_eq!(all.to_digest_sorted(), None);
                let problems = cms::attribute_rules::check(&all, Role::Signer(signed.content_type));
                assert_eq!(problems, [], "{options}");
                let digest = hash(MessageDigest::sha256(), &content).unwrap();
                assert_eq!(*all.message_digest().unwrap().unwrap(), *digest);
                assert!(all.signing_time().unwrap().is_some());
                assert!(all.smime_capabilities().unwrap().unwrap().len() > 3);
                let ess = all.signing_certificate_v2().unwrap();
                assert_eq!(ess.is_some(), options.contains("cades"));
                if let Some(ess) = ess {
                    let digest = hash(MessageDigest::sha256(), &der).unwrap();
                    assert_eq!(*ess.certificates[0].certificate_hash, *digest);
                }
            }
            None => verifier.update(&content).unwrap(),
        }
        assert_eq!(signer.signed_attributes.is_some(), attributes, "{options}");
        assert!(verifier.verify(&signer.signature).unwrap(), "{options}");
        if options.contains("nodetach") {
            assert_eq!(*signed.content.unwrap().bytes().unwrap(), *content);
        } else {
            assert!(signed.content.is_none());
        }
    }
}

/// A key, its certificate in DER, and how the certificate is named.
struct Identity {
    key: PKey<Private>,
    certificate: X509,
    der: Vec<u8>,
}

impl Identity {
    fn new() -> Option<Self> {
        let folder = samples::openssl_folder()?;
        let key = fs::read(folder.path().join("rsa.key")).unwrap();
        let certificate = fs::read(folder.path().join("rsa.pem")).unwrap();
        let certificate = X509::from_pem(&certificate).unwrap();
        Some(Self {
            key: PKey::private_key_from_pem(&key).unwrap(),
            der: certificate.to_der().unwrap(),
            certificate,
        })
    }

    fn named(&self) -> IssuerAndSerial<'_> {
        Reader::new(&self.der)
            .expect(Tag::SEQUENCE)
            .unwrap()
            .reader()
            .and_then(|mut r| r.expect(Tag::SEQUENCE)?.reader())
            .and_then(|mut r| {
                r.element()?; // version
                let serial = r.integer()?;
                r.element()?; // signature
                let issuer = r.raw(Tag::SEQUENCE)?;
                Ok(IssuerAndSerial { issuer, serial })
            })
            .unwrap()
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
        Signer::new(MessageDigest::sha256(), &self.key)?.sign_oneshot_to_vec(octets)
    }
}

#[test]
fn what_is_signed_here_verifies_in_openssl() {
    let Some(identity) = Identity::new() else {
        eprintln!("skipped: no openssl");
        return;
    };
    let content = b"what is signed\r\n";
    let sha256 = algorithm(oid::SHA256, None);
    let rsa = algorithm(oid::RSA_ENCRYPTION, NULL);
    let digest = hash(MessageDigest::sha256(), content).unwrap();
    let certificate_hash = hash(MessageDigest::sha256(), &identity.der).unwrap();
    let attributes = AttributeList::new()
        .signing_certificate_v2(sha256, &certificate_hash, Some(&identity.named()))
        .content_type(oid::DATA)
        .message_digest(&digest)
        .signing_time(Time::from_unix(1_700_000_000).unwrap())
        .capabilities(&[algorithm(oid::AES256_CBC, None)])
        .key_preference(&identity.named())
        .algorithm_protection(sha256, rsa);
    let by_serial = || EntityIdentifier::IssuerAndSerial(identity.named());
    let ski = identity.certificate.subject_key_id().unwrap();
    let by_key = || EntityIdentifier::SubjectKeyIdentifier(ski.as_slice().into());
    let mut tried = 0;
    for form in [Form::Der, Form::Ber { chunk_bytes: 4 }] {
        for order in [Order::Der, Order::AsGiven] {
            for attributes in [None, Some(attributes.clone().in_order(order).in_form(form))] {
                for sids in [vec![by_serial()], vec![by_key(), by_serial()]] {
                    for detached in [false, true] {
                        let sign = |sid| {
                            build::Signer {
                                sid,
                                digest_algorithm: sha256,
                                signed_attributes: attributes.clone(),
                                signature_algorithm: rsa,
                                signature: Vec::new(),
                                unsigned_attributes: AttributeList::new(),
                            }
                            .sign(content, |octets| identity.sign(octets))
                            .unwrap()
                        };
                        let message = build::SignedData {
                            certificates: vec![&identity.der],
                            signers: sids.iter().cloned().map(sign).collect(),
                            form,
                            ..build::SignedData::new(if detached {
                                Content::Detached
                            } else {
                                Content::Octets(content)
                            })
                        }
                        .encode();
                        let mut read = CmsContentInfo::from_der(&message).unwrap();
                        let given = detached.then_some(content.as_slice());
                        let mut out = Vec::new();
                        let flags = CMSOptions::NO_SIGNER_CERT_VERIFY | CMSOptions::BINARY;
                        let verified = read.verify(None, None, given, Some(&mut out), flags);
                        assert!(
                            verified.is_ok(),
                            "{form:?} {order:?} {sids:?}: {verified:?}"
                        );
                        assert_eq!(out, content);
                        tried += 1;
                    }
                }
            }
        }
    }
    assert_eq!(tried, 32);
}

#[test]
fn attributes_signed_in_der_order_and_sent_in_another_verify_once_sorted() {
    let Some(identity) = Identity::new() else {
        eprintln!("skipped: no openssl");
        return;
    };
    let attributes = AttributeList::new()
        .message_digest(&[7; 32])
        .content_type(oid::DATA)
        .in_order(Order::AsGivenSignedAsDer);
    let signer = build::Signer {
        sid: EntityIdentifier::IssuerAndSerial(identity.named()),
        digest_algorithm: algorithm(oid::SHA256, None),
        signed_attributes: Some(attributes),
        signature_algorithm: algorithm(oid::RSA_ENCRYPTION, NULL),
        signature: Vec::new(),
        unsigned_attributes: AttributeList::new(),
    }
    .sign(b"", |octets| identity.sign(octets))
    .unwrap();
    let message = build::SignedData {
        signers: vec![signer],
        ..build::SignedData::new(Content::Detached)
    }
    .encode();
    let signed = signed(&message);
    let attributes = signed.signers[0].signed_attributes.unwrap();
    let verifies = |octets: &[u8]| {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &identity.key).unwrap();
        verifier.update(octets).unwrap();
        verifier.verify(&signed.signers[0].signature).unwrap()
    };
    assert!(!verifies(&attributes.to_digest().to_vec()));
    assert!(verifies(&attributes.to_digest_sorted().unwrap().to_vec()));
}

#[test]
fn what_is_encrypted_here_opens_in_openssl() {
    let Some(identity) = Identity::new() else {
        eprintln!("skipped: no openssl");
        return;
    };
    let (key, iv, nonce) = ([1; 32], [2; 16], [3; 12]);
    let plaintext = b"what is encrypted\r\n";
    let rsa: Rsa<Private> = identity.key.rsa().unwrap();
    let mut encrypted_key = vec![0; 256];
    rsa.public_encrypt(&key, &mut encrypted_key, Padding::PKCS1)
        .unwrap();
    let recipient = || {
        Recipient::KeyTransport(KeyTransport {
            version: 0,
            rid: EntityIdentifier::IssuerAndSerial(identity.named()),
            algorithm: algorithm(oid::RSA_ENCRYPTION, NULL),
            encrypted_key: encrypted_key.as_slice().into(),
        })
    };
    let open = |message: &[u8]| {
        let message = CmsContentInfo::from_der(message).unwrap();
        message
            .decrypt(&identity.key, &identity.certificate)
            .unwrap()
    };
    let cbc = openssl::symm::encrypt(Cipher::aes_256_cbc(), &key, Some(&iv), plaintext).unwrap();
    let iv_parameter = mailseal::asn1::Writer::encode(|w| w.octet_string(&iv));
    let cbc_algorithm = mailseal::asn1::AlgorithmIdentifier {
        oid: oid::AES256_CBC,
        parameters: Some(&iv_parameter),
    };
    let gcm_parameters = mailseal::asn1::Writer::encode(|w| {
        w.sequence(|w| {
            w.octet_string(&nonce);
            w.small_integer(16);
        });
    });
    let gcm_algorithm = mailseal::asn1::AlgorithmIdentifier {
        oid: oid::AES256_GCM,
        parameters: Some(&gcm_parameters),
    };
    for form in [Form::Der, Form::Ber { chunk_bytes: 7 }] {
        let enveloped = build::EnvelopedData {
            form,
            ..build::EnvelopedData::new(vec![recipient()], cbc_algorithm, &cbc)
        };
        assert_eq!(open(&enveloped.encode()), plaintext, "{form:?}");
        // Without authenticated attributes: OpenSSL expects them under [2], where RFC 5083 §2.1 has [1].
        let mut tag = [0; 16];
        let ciphertext = openssl::symm::encrypt_aead(
            Cipher::aes_256_gcm(),
            &key,
            Some(&nonce),
            &[],
            plaintext,
            &mut tag,
        )
        .unwrap();
        let message = build::AuthEnvelopedData {
            form,
            ..build::AuthEnvelopedData::new(vec![recipient()], gcm_algorithm, &ciphertext, &tag)
        };
        assert_eq!(open(&message.encode()), plaintext, "{form:?}");
    }
}

#[test]
fn a_timestamp_of_openssl_says_what_openssl_says() {
    let Some(folder) = samples::openssl_folder() else {
        eprintln!("skipped: no openssl");
        return;
    };
    let configuration = "[tsa]\nserial = serial\ncrypto_device = builtin\nsigner_digest = sha256\n\
        default_policy = 1.2.3.4.1\ndigests = sha256\naccuracy = secs:1, millisecs:500, microsecs:100\n\
        ordering = yes\ntsa_name = yes\ness_cert_id_chain = no\n";
    fs::write(folder.path().join("tsa.cnf"), configuration).unwrap();
    fs::write(folder.path().join("serial"), "0a\n").unwrap();
    let run = |arguments: &str| samples::openssl(folder.path(), arguments).unwrap();
    run("ts -query -data content -sha256 -cert -out query");
    run(
        "ts -reply -config tsa.cnf -section tsa -queryfile query -signer ec.pem -inkey ec.key -token_out -out token",
    );
    let token = fs::read(folder.path().join("token")).unwrap();
    let text = run("ts -reply -in token -token_in -text");
    let text = String::from_utf8(text).unwrap();
    let signed = signed(&token);
    assert_eq!(signed.content_type, oid::TST_INFO);
    let content = signed.content.unwrap().bytes().unwrap();
    let info = TstInfo::read(&content).unwrap();
    assert_eq!(info.policy.to_string(), "1.2.3.4.1");
    assert_eq!(info.serial, Integer(&[0x0b]));
    let stamped = fs::read(folder.path().join("content")).unwrap();
    assert_eq!(
        *info.imprint,
        *hash(MessageDigest::sha256(), &stamped).unwrap()
    );
    let accuracy = info.accuracy.unwrap();
    assert_eq!(
        (accuracy.seconds, accuracy.millis, accuracy.micros),
        (1, 500, 100)
    );
    assert!(info.ordering && info.tsa.is_some());
    let nonce: String = info
        .nonce
        .unwrap()
        .magnitude()
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect();
    assert!(text.contains(&nonce), "{nonce} {text}");
    let attributes = signed.signers[0].signed_attributes.unwrap();
    let role = Role::Signer(oid::TST_INFO);
    assert_eq!(cms::attribute_rules::check(&attributes, role), []);
}

#[test]
fn the_samples_of_rfc_4134_say_what_is_written_of_them() {
    let Some(expected) = shared("real/rfc4134/expected.jsonl") else {
        return;
    };
    let expected = fs::read_to_string(expected).unwrap();
    let mut compared = 0;
    for sample in samples::of_rfc_4134() {
        let line = expected
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .find(|line| line["file"] == sample.name.as_str())
            .unwrap_or_else(|| panic!("nothing is written of {}", sample.name));
        let layer = &line["expected"]["layers"][0];
        let info = cms::read(&sample.bytes, &Limits::default()).unwrap();
        assert_eq!(info.trailing_bytes, 0, "{}", sample.name);
        let Layer::Signed(signed) = info.layer else {
            continue;
        };
        let count = |field: &str| layer[field].as_u64().unwrap() as usize;
        assert_eq!(
            signed.carried.certificates.len(),
            count("certs"),
            "{}",
            sample.name
        );
        assert_eq!(signed.carried.crls.len(), count("crls"), "{}", sample.name);
        assert_eq!(
            signed.content.is_some(),
            layer["eContent"] == true,
            "{}",
            sample.name
        );
        let signers = layer["signers"].as_array().unwrap();
        assert_eq!(signed.signers.len(), signers.len(), "{}", sample.name);
        for (signer, expected) in signed.signers.iter().zip(signers) {
            let attributes = signer.signed_attributes.is_some();
            assert_eq!(
                attributes,
                expected["signed_attrs"] == true,
                "{}",
                sample.name
            );
            let countersignatures = signer
                .countersignatures(&Limits::default())
                .flatten()
                .count();
            let expected = expected["countersignatures"].as_u64().unwrap() as usize;
            assert_eq!(countersignatures, expected, "{}", sample.name);
        }
        compared += 1;
    }
    assert!(compared > 5, "{compared}");
}
