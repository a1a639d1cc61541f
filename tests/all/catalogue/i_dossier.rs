//! Rows I-01 to I-04 and G-09 on `mailseal harvest`: the same certificates as an audit's and more, and a dossier for each.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mailseal::asn1::AlgorithmIdentifier;
use mailseal::asn1::Oid;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::build::AttributeList;
use mailseal::cms::{self, Layer};
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::sha256;
use mailseal::facts::harvest::Harvest as Wanted;
use mailseal::jobs::harvest::Exports;
use mailseal::limits::Limits;
use mailseal::pki::keyring::pem;
use mailseal::pki::x509::Certificate;
use mailseal::pki::x509::usable::usable_for;
use serde_json::Value;
use tempfile::TempDir;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted as WantedCertificate;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::cms::certs_only;
use crate::toolkit::cms::timestamp_token;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::extensions;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

/// A finished harvest.
struct Harvested {
    _folder: TempDir,
    files: BTreeMap<String, Vec<u8>>,
    rows: BTreeMap<String, BTreeMap<String, String>>,
    dossiers: BTreeMap<String, Value>,
}

impl Harvested {
    fn of(audit: &Audit<'_>, wanted: Wanted) -> Self {
        Self::with(audit, wanted, Exports::default(), 2)
    }

    fn with(audit: &Audit<'_>, wanted: Wanted, exports: Exports<'_>, threads: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        mail::emls(&archive, &audit.messages);
        let target = folder.path().join("harvest");
        let path = audit.harvest(&[archive], &target, threads, wanted, exports);
        let mut files = BTreeMap::new();
        read_all(&path, "", &mut files);
        let mut table = csv::Reader::from_reader(files["certificates.csv"].as_slice());
        let rows: Vec<BTreeMap<String, String>> = table.deserialize().map(Result::unwrap).collect();
        assert!(rows.iter().map(|row| &row["sha256"]).is_sorted());
        let lines = std::str::from_utf8(&files["certificates.jsonl"]).unwrap();
        let dossiers: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(rows.len(), dossiers.len());
        Self {
            _folder: folder,
            rows: rows
                .into_iter()
                .map(|row| (row["sha256"].clone(), row))
                .collect(),
            dossiers: dossiers
                .into_iter()
                .map(|one| (one["sha256"].as_str().unwrap().to_owned(), one))
                .collect(),
            files,
        }
    }

    fn names(&self) -> BTreeSet<String> {
        self.rows.keys().cloned().collect()
    }

    fn cell(&self, der: &[u8], column: &str) -> &str {
        &self.rows[&name(der)][column]
    }

    fn dossier(&self, der: &[u8]) -> &Value {
        &self.dossiers[&name(der)]
    }

    fn summary(&self) -> Value {
        serde_json::from_slice(&self.files["summary.json"]).unwrap()
    }
}

fn read_all(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let shown = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read_all(&path, &format!("{shown}/"), files);
        } else {
            files.insert(shown, fs::read(path).unwrap());
        }
    }
}

fn name(der: &[u8]) -> String {
    sha256(der)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

fn names(certificates: &[&[u8]]) -> BTreeSet<String> {
    certificates.iter().map(|der| name(der)).collect()
}

fn lone(local_part: &str, serial: u64) -> Holder {
    let mut holder = people::person(local_part, serial, "p256-2");
    holder.chain.clear();
    holder
}

fn carry(certificates: &[Vec<u8>]) -> Vec<u8> {
    let part = mail::pkcs7_mime("certs-only", &certs_only(certificates));
    mail::message(&from_alice(), &part)
}

fn all_of(messages: &[Vec<u8>]) -> Vec<&[u8]> {
    messages.iter().map(Vec::as_slice).collect()
}

/// An attribute whose value is a sequence of these elements.
fn sequence_of(elements: &[&[u8]]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for element in elements {
                w.raw(element);
            }
        });
    })
}

#[test]
fn i_01_values_and_tokens_at_any_depth() {
    let text = content();
    let (value, archived, inner) = (
        lone("value", 3001),
        people::timestamp_authority(),
        lone("inner", 3002),
    );
    let sign = Sign::by(alice()).at(people::sent()).unsigned(|signature| {
        let token = timestamp_token(archived, signature, people::sent());
        AttributeList::new()
            .values(
                oid::CERTIFICATE_VALUES,
                &[&sequence_of(&[&value.certificate])],
            )
            .values(oid::ARCHIVE_TIME_STAMP_V3, &[&token])
            .values(
                oid::ESC_TIME_STAMP,
                &[&certs_only(&[inner.certificate.clone()])],
            )
    });
    let message = clear_signed(&Signed::detached(&text).signer(sign).encode());
    let harvested = Harvested::of(&Audit::of(&[&message]), Wanted::default());
    let expected = names(&[
        &alice().certificate,
        &people::authority().certificate,
        &value.certificate,
        &archived.certificate,
        &inner.certificate,
    ]);
    assert_eq!(harvested.names(), expected);
    assert_eq!(
        harvested.cell(&archived.certificate, "roles"),
        "carried timestamp"
    );
    assert_eq!(harvested.cell(&value.certificate, "roles"), "carried");
}

#[test]
fn i_01_attached_files_only_when_asked() {
    let [der, text, bundle, loose] =
        [3011, 3012, 3013, 3014].map(|serial| lone("attached", serial).certificate);
    let armoured = |der: &[u8]| {
        let base64 = mail::base64_lines(der, 64);
        let base64 = String::from_utf8(base64).unwrap();
        format!("Some words.\n-----BEGIN CERTIFICATE-----\n{base64}-----END CERTIFICATE-----\n")
    };
    let part = |kind: &str, name: &str, bytes: &[u8]| {
        let kind = format!("{kind}; name=\"{name}\"");
        mail::pkcs7_mime_as(&kind, &mail::base64_lines(bytes, 64))
    };
    let parts = [
        mail::text("certificates"),
        part("application/pkix-cert", "a", &der),
        part(
            "application/octet-stream",
            "B.PEM",
            armoured(&text).as_bytes(),
        ),
        part(
            "application/octet-stream",
            "c.spc",
            &certs_only(std::slice::from_ref(&bundle)),
        ),
        // Neither type nor name says so.
        part("application/octet-stream", "d.bin", &loose),
        part("application/octet-stream", "e.cer", b"no certificate"),
    ];
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let message = mail::message(&from_alice(), &mail::multipart("mixed", "files", &parts));
    let audit = Audit::of(&[&message]);
    assert_eq!(Harvested::of(&audit, Wanted::default()).names(), names(&[]));
    let wanted = Wanted {
        attachments: true,
        ..Wanted::default()
    };
    assert_eq!(
        Harvested::of(&audit, wanted).names(),
        names(&[&der, &text, &bundle])
    );
}

#[test]
fn i_02_variants_and_certificates_with_the_same_key() {
    let certificate = &alice().certificate;
    let variant = long_form(certificate);
    let renewed = people::person("alice", 3021, "rsa2048-1");
    let other = people::person("alice", 3022, "rsa2048-1").certificate;
    let messages = [
        carry(&[certificate.clone(), variant.clone()]),
        carry(&[renewed.certificate.clone(), other.clone()]),
    ];
    let exports = Exports {
        der: true,
        p7c: true,
        ..Exports::default()
    };
    let audit = Audit::of(&all_of(&messages));
    let harvested = Harvested::with(&audit, Wanted::default(), exports, 1);
    let all = [certificate, &variant, &renewed.certificate, &other].map(Vec::as_slice);
    assert_eq!(harvested.names(), names(&all));
    // One of the two is the variant of the other: the first by SHA-256 is nobody's.
    let (first, second) = if name(certificate) < name(&variant) {
        (certificate, &variant)
    } else {
        (&variant, certificate)
    };
    assert_eq!(harvested.cell(first, "variant_of"), "");
    assert_eq!(harvested.cell(second, "variant_of"), name(first));
    assert_eq!(harvested.cell(&other, "variant_of"), "");
    let spki = |der: &[u8]| Certificate::read(der).unwrap().spki_sha256();
    assert_eq!(spki(&renewed.certificate), spki(&other));
    for der in [&renewed.certificate, &other] {
        let with_its_key = all.iter().filter(|one| spki(one) == spki(der)).count() - 1;
        assert_eq!(
            harvested.cell(der, "same_key"),
            with_its_key.to_string(),
            "{with_its_key}"
        );
    }
    let same = &harvested.dossier(&other)["same_key"]["first"];
    let same: Vec<&str> = same
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert!(
        same.contains(&name(&renewed.certificate).as_str())
            && !same.contains(&name(&other).as_str())
    );
    // Byte by byte in every form.
    for der in all {
        assert_eq!(harvested.files[&format!("der/{}.der", name(der))], der);
    }
    let exported: Vec<Vec<u8>> = pem::blocks(&harvested.files["certificates.pem"])
        .map(|block| block.unwrap().bytes.to_vec())
        .collect();
    let info = cms::read(&harvested.files["certificates.p7c"], &Limits::default()).unwrap();
    let Layer::Signed(data) = &info.layer else {
        panic!("{info:?}");
    };
    assert_eq!(data.carried.certificates, exported);
    assert_eq!(names(&data.carried.certificates), names(&all));
}

#[test]
fn i_03_a_harvest_is_the_same_for_any_number_of_threads() {
    let text = content();
    // A SEQUENCE where a certificate should be is carried, too.
    let odd = sequence_of(&[&[2, 1, 5]]);
    let mut messages = vec![
        carry(&[odd.clone(), bob().certificate.clone()]),
        mail::message(&from_alice(), &mail::text("ordinary")),
    ];
    for serial in 0..40 {
        let holder = people::person(&format!("person{serial}"), 3100 + serial, "p256-2");
        let sign = Sign::by(&holder).at(people::sent());
        messages.push(clear_signed(&Signed::detached(&text).signer(sign).encode()));
        messages.push(carry(&[holder.certificate.clone()]));
    }
    let audit = Audit::of(&all_of(&messages));
    let exports = Exports {
        der: true,
        p7c: true,
        ldif: Some("dc=example"),
        vcard: true,
    };
    let wanted = Wanted {
        verify: true,
        attachments: true,
        salvage: true,
    };
    let one = Harvested::with(&audit, wanted, exports, 1);
    for threads in [2, 5] {
        let other = Harvested::with(&audit, wanted, exports, threads);
        assert_eq!(one.files.len(), other.files.len());
        for (file, bytes) in &one.files {
            assert!(bytes == &other.files[file], "{file} with {threads} threads");
        }
    }
    assert_eq!(one.rows.len(), 43);
    assert_eq!(one.dossier(&odd)["readable"], false);
    assert_eq!(one.summary()["harvest"]["unreadable"], 1);
    assert_eq!(one.cell(&odd, "subject"), "");
    // What can't be read is in the PEM file as it was, and in no bundle.
    let blocks = pem::blocks(&one.files["certificates.pem"]);
    assert!(blocks.flatten().any(|block| *block.bytes == odd));
}

#[test]
fn i_04_signing_and_encrypting_are_two_answers() {
    use extensions::{DIGITAL_SIGNATURE, KEY_AGREEMENT, KEY_CERT_SIGN, KEY_ENCIPHERMENT};
    let rsa = "rsa2048-1";
    let bits = |bits: &[u8]| Some(extensions::key_usage(bits));
    let mail_use = Some(vec![oid::EMAIL_PROTECTION]);
    let cases: Vec<(
        &str,
        Option<extensions::Extension>,
        Option<Vec<Oid<'_>>>,
        bool,
        &[&str],
    )> = vec![
        (rsa, None, None, false, &["sign", "encrypt"]),
        (rsa, bits(&[DIGITAL_SIGNATURE]), None, false, &["sign"]),
        (rsa, bits(&[1]), mail_use.clone(), false, &["sign"]),
        (
            rsa,
            bits(&[KEY_ENCIPHERMENT]),
            mail_use.clone(),
            false,
            &["encrypt"],
        ),
        (rsa, bits(&[KEY_AGREEMENT]), mail_use.clone(), false, &[]),
        (rsa, bits(&[KEY_CERT_SIGN]), None, true, &[]),
        (rsa, None, None, true, &[]),
        (rsa, bits(&[DIGITAL_SIGNATURE]), None, true, &["sign"]),
        (rsa, None, Some(vec![oid::TIME_STAMPING]), false, &[]),
        (
            rsa,
            None,
            Some(vec![oid::TIME_STAMPING, oid::ANY_EXTENDED_KEY_USAGE]),
            false,
            &["sign", "encrypt"],
        ),
        (
            "p256-1",
            None,
            mail_use.clone(),
            false,
            &["sign", "encrypt"],
        ),
        ("p256-1", bits(&[KEY_ENCIPHERMENT]), None, false, &[]),
        ("p256-1", bits(&[KEY_AGREEMENT]), None, false, &["encrypt"]),
        ("ed25519-1", None, None, false, &["sign"]),
        ("ed25519-1", bits(&[KEY_AGREEMENT]), None, false, &[]),
        ("dsa2048-1", None, mail_use, false, &["sign"]),
    ];
    for (key, usage, extended, ca, expected) in cases {
        let mut wanted = WantedCertificate::plain(7);
        if let Some(usage) = usage.clone() {
            wanted = wanted.with(usage);
        }
        if let Some(extended) = &extended {
            wanted = wanted.with(extensions::extended_key_usage(false, extended));
        }
        if ca {
            wanted = wanted.with(extensions::basic_constraints(true, None));
        }
        let der = wanted.issue(&Party::new("somebody", key), &people::root().party);
        let read = Certificate::read(&der).unwrap();
        let words: Vec<&str> = usable_for(&read).iter().map(|one| one.as_str()).collect();
        assert_eq!(words, expected, "{key} {usage:?} {extended:?} {ca}");
    }
}

#[test]
fn g_09_provenance_is_a_claim_until_a_signature_is_verified() {
    let text = content();
    let stranger = lone("stranger", 3201);
    let sign = Sign::by(alice())
        .at(people::sent())
        .countersigned_by(carol());
    let signed = clear_signed(
        &Signed::detached(&text)
            .signer(sign)
            .certificate(&stranger.certificate)
            .certificate(&carol().certificate)
            .encode(),
    );
    let broken = clear_signed(
        &Signed::detached(&text)
            .signer(Sign::by(alice()).at(people::sent()).damaged())
            .encode(),
    );
    // The content was changed afterwards: the signed attributes are alice's all the same.
    let sign = Sign::by(alice()).at(people::sent()).over(b"something else");
    let changed = clear_signed(&Signed::detached(&text).signer(sign).encode());
    let encrypted = Encrypt::new(&text, CipherAlgorithm::Aes256Cbc).to(To::new(bob()));
    let encrypted = mail::pkcs7_mime("enveloped-data", &encrypted.encode());
    let messages = [
        signed,
        broken,
        changed,
        mail::message(&from_alice(), &encrypted),
        carry(&[bob().certificate.clone()]),
    ];
    let audit = Audit::of(&all_of(&messages));
    let plain = Harvested::of(&audit, Wanted::default());
    for (der, roles) in [
        (&alice().certificate, "signer carried"),
        (&people::authority().certificate, "chain carried"),
        (&stranger.certificate, "carried"),
        (&carol().certificate, "signer carried"),
        (&bob().certificate, "carried recipient"),
    ] {
        assert_eq!(plain.cell(der, "roles"), roles);
        assert_eq!(plain.cell(der, "signed"), "");
    }
    assert_eq!(plain.cell(&alice().certificate, "named"), "3");
    assert_eq!(plain.cell(&carol().certificate, "named"), "0");
    let wanted = Wanted {
        verify: true,
        ..Wanted::default()
    };
    let verified = Harvested::of(&audit, wanted);
    assert_eq!(verified.cell(&alice().certificate, "named"), "3");
    assert_eq!(verified.cell(&alice().certificate, "signed"), "2");
    assert_eq!(verified.cell(&stranger.certificate, "signed"), "0");
    // As an audit counts them; and trust is judged by the same anchors.
    assert_eq!(verified.cell(&alice().certificate, "chain_now"), "trusted");
    assert_eq!(
        verified.dossier(&alice().certificate)["chain_now"]["path"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn i_04_a_dossier_tells_what_signers_said_and_when() {
    let text = content();
    let aes = AlgorithmIdentifier {
        oid: oid::AES256_CBC,
        parameters: None,
    };
    let rc2 = AlgorithmIdentifier {
        oid: oid::RC2_CBC,
        parameters: Some(&[2, 1, 40]),
    };
    let preferred = bob().issuer_and_serial();
    let later = mailseal::asn1::Time::from_unix(people::sent().unix() + 86_400).unwrap();
    let first = Sign::by(alice())
        .at(people::sent())
        .edit(|list| list.capabilities(&[rc2]));
    let second = Sign::by(alice())
        .at(later)
        .edit(|list| list.capabilities(&[aes, rc2]).key_preference(&preferred));
    let first = Signed::detached(&text).signer(first).encode();
    let second = Signed::detached(&text).signer(second).encode();
    let by_mallory = from_alice().set("From", "Mallory <mallory@example.net>");
    let messages = [
        clear_signed(&first),
        mail::message(&by_mallory, &mail::multipart_signed(&text, &second)),
        carry(&[bob().certificate.clone()]),
    ];
    let audit = Audit::of(&all_of(&messages));
    let wanted = Wanted {
        verify: true,
        ..Wanted::default()
    };
    let harvested = Harvested::of(&audit, wanted);
    let dossier = harvested.dossier(&alice().certificate);
    let said = dossier["signed_for"].as_array().unwrap();
    let said: Vec<(&str, bool)> = said
        .iter()
        .map(|one| {
            (
                one["address"].as_str().unwrap(),
                one["claimed"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [("alice@example.com", true), ("mallory@example.net", false)]
    );
    let capabilities = dossier["capabilities"].as_array().unwrap();
    assert_eq!(capabilities.len(), 2);
    let instant = |time: mailseal::asn1::Time| String::from_utf8(time.rfc3339().to_vec()).unwrap();
    for one in capabilities {
        let (algorithms, at) = match one["algorithms"].as_array().unwrap().len() {
            1 => (serde_json::json!(["rc2-cbc/40"]), people::sent()),
            _ => (serde_json::json!(["aes-256-cbc", "rc2-cbc/40"]), later),
        };
        assert_eq!(one["algorithms"], algorithms);
        assert_eq!(one["first"], instant(at));
        assert_eq!(one["verified"], 1);
    }
    let preference = &dossier["key_preference"][0];
    assert_eq!(preference["certificate"], name(&bob().certificate));
    assert_eq!(preference["own"], false);
    let alice = &alice().certificate;
    assert_eq!(harvested.cell(alice, "capabilities_at"), instant(later));
    assert_eq!(
        harvested.cell(alice, "key_preference"),
        name(&bob().certificate)
    );
    assert_eq!(
        harvested.cell(alice, "signed_for_unclaimed"),
        "mallory@example.net"
    );
    assert_eq!(harvested.cell(alice, "first_seen"), instant(people::sent()));
    assert_eq!(harvested.cell(alice, "last_seen"), instant(later));
    assert_eq!(harvested.cell(alice, "first_seen_place"), "0#0");
    assert_eq!(harvested.cell(alice, "last_seen_place"), "1#0");
}

#[test]
fn i_01_damaged_parts_give_nothing_and_what_is_cut_out_stays_apart() {
    let text = content();
    let cms = Signed::detached(&text)
        .signer(Sign::by(alice()).at(people::sent()))
        .encode();
    let cut = clear_signed(&cms[..cms.len() - 40]);
    let messages = [cut, carry(&[bob().certificate.clone()])];
    let audit = Audit::of(&all_of(&messages));
    let plain = Harvested::of(&audit, Wanted::default());
    assert_eq!(plain.names(), names(&[&bob().certificate]));
    assert_eq!(plain.summary()["harvest"]["damaged"], 1);
    assert!(!plain.files.contains_key("salvaged.csv"));
    let wanted = Wanted {
        salvage: true,
        ..Wanted::default()
    };
    let salvaged = Harvested::of(&audit, wanted);
    assert_eq!(salvaged.names(), names(&[&bob().certificate]));
    let cut_out: Vec<Vec<u8>> = pem::blocks(&salvaged.files["salvaged.pem"])
        .map(|block| block.unwrap().bytes.to_vec())
        .collect();
    let cut_out: Vec<&[u8]> = cut_out.iter().map(Vec::as_slice).collect();
    assert_eq!(
        names(&cut_out),
        names(&[&alice().certificate, &people::authority().certificate])
    );
    let table = String::from_utf8(salvaged.files["salvaged.csv"].clone()).unwrap();
    assert!(
        table
            .lines()
            .skip(1)
            .all(|row| row.ends_with(",1,0#0,false")),
        "{table}"
    );
}

/// The certificate with its outer length in one octet more than DER allows.
fn long_form(der: &[u8]) -> Vec<u8> {
    let element = mailseal::asn1::Reader::new(der).element().unwrap();
    let length = u32::try_from(element.content.len()).unwrap().to_be_bytes();
    [&[0x30, 0x84], &length[..], element.content].concat()
}
