//! Messages that others wrote, and ours: what the tests of the cms stage start from.

use std::fs;
use std::path::Path;
use std::process::Command;

use mailseal::asn1::AlgorithmIdentifier;
use mailseal::asn1::Integer;
use mailseal::asn1::oid;
use mailseal::cms::EntityIdentifier;
use mailseal::cms::IssuerAndSerial;
use mailseal::cms::Recipient;
use mailseal::cms::build;
use mailseal::cms::build::AttributeList;
use mailseal::cms::build::Content;
use mailseal::cms::build::Form;

use crate::program::shared;

pub struct Sample {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Everything there is, in one order on every machine that has the same.
pub fn all() -> Vec<Sample> {
    let mut all = built();
    all.extend(of_openssl());
    all.extend(of_rfc_4134());
    assert!(!all.is_empty());
    all
}

pub fn of_rfc_4134() -> Vec<Sample> {
    let Some(folder) = shared("real/rfc4134/cms") else {
        return Vec::new();
    };
    let folder = fs::read_dir(folder).unwrap();
    let mut samples: Vec<_> = folder
        .map(|entry| {
            let path = entry.unwrap().path();
            Sample {
                name: format!("cms/{}", path.file_name().unwrap().to_string_lossy()),
                bytes: fs::read(&path).unwrap(),
            }
        })
        .collect();
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    samples
}

/// Runs `openssl` in `folder`; None where it fails or is missing.
pub fn openssl(folder: &Path, arguments: &str) -> Option<Vec<u8>> {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .ok()?;
    if !output.status.success() {
        eprintln!(
            "openssl {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    output.status.success().then_some(output.stdout)
}

/// Keys, certificates and a content in a folder, made by the program `openssl`; None where it is missing.
pub fn openssl_folder() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(
        path.join("content"),
        "Content-Type: text/plain\r\n\r\nHello.\r\n",
    )
    .unwrap();
    let version = openssl(path, "version")?;
    eprintln!("{}", String::from_utf8_lossy(&version).trim());
    for (name, key) in [
        ("rsa", "rsa:2048"),
        ("ec", "ec -pkeyopt ec_paramgen_curve:P-256"),
    ] {
        openssl(
            path,
            &format!(
                "req -x509 -nodes -newkey {key} -keyout {name}.key -out {name}.pem -days 30 -subj /CN={name}.example \
                 -addext extendedKeyUsage=critical,timeStamping"
            ),
        )
        .unwrap();
    }
    Some(folder)
}

fn of_openssl() -> Vec<Sample> {
    let Some(folder) = openssl_folder() else {
        eprintln!("skipped: no openssl");
        return Vec::new();
    };
    let sign = "cms -sign -binary -in content -outform DER -signer rsa.pem -inkey rsa.key";
    let encrypt = "cms -encrypt -binary -in content -outform DER";
    let secret = "-secretkey 000102030405060708090a0b0c0d0e0f";
    let commands = [
        sign.to_owned(),
        format!("{sign} -nodetach"),
        format!("{sign} -nodetach -stream"),
        format!("{sign} -nodetach -noattr -nocerts"),
        format!("{sign} -nodetach -keyid -cades -md sha512"),
        format!("{sign} -nodetach -signer ec.pem -inkey ec.key"),
        format!(
            "{sign} -nodetach -certfile ec.pem -receipt_request_to a@example.com -receipt_request_all"
        ),
        format!("{sign} -nodetach -econtent_type 1.2.3.4 -nosmimecap -keyopt rsa_padding_mode:pss"),
        format!("{encrypt} -aes256 rsa.pem"),
        format!("{encrypt} -aes128 -stream rsa.pem ec.pem"),
        format!("{encrypt} -aes256 -keyid -recip rsa.pem -keyopt rsa_padding_mode:oaep"),
        format!("{encrypt} -aes-128-gcm rsa.pem"),
        format!("{encrypt} -aes-256-gcm -stream ec.pem"),
        format!("{encrypt} -aes128 {secret} -secretkeyid 0102"),
        format!("{encrypt} -aes128 -pwri_password secret"),
        format!("cms -EncryptedData_encrypt -aes-128-cbc {secret} -in content -outform DER"),
        "cms -digest_create -md sha256 -in content -outform DER".to_owned(),
        "cms -data_create -in content -outform DER".to_owned(),
        "crl2pkcs7 -nocrl -certfile rsa.pem -certfile ec.pem -outform DER".to_owned(),
    ];
    commands
        .into_iter()
        .map(|command| Sample {
            bytes: openssl(folder.path(), &command).unwrap(),
            name: command,
        })
        .collect()
}

pub const NULL: Option<&[u8]> = Some(&[5, 0]);

/// `Name` with one common name.
pub const NAME: &[u8] = &[0x30, 12, 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 12, 1, b'a'];

pub fn algorithm(
    oid: mailseal::asn1::Oid<'static>,
    parameters: Option<&'static [u8]>,
) -> AlgorithmIdentifier<'static> {
    AlgorithmIdentifier { oid, parameters }
}

/// Ours: structures that no program here writes.
fn built() -> Vec<Sample> {
    let named = IssuerAndSerial {
        issuer: NAME,
        serial: Integer(&[5]),
    };
    let signer = |sid, attributes| build::Signer {
        sid,
        digest_algorithm: algorithm(oid::SHA256, None),
        signed_attributes: attributes,
        signature_algorithm: algorithm(oid::RSA_ENCRYPTION, NULL),
        signature: vec![3; 8],
        unsigned_attributes: AttributeList::new(),
    };
    let by_serial = || EntityIdentifier::IssuerAndSerial(named);
    let by_key = || EntityIdentifier::SubjectKeyIdentifier((&[9; 20]).into());
    let attributes = AttributeList::new()
        .content_type(oid::DATA)
        .message_digest(&[7; 32]);
    let countersigned = build::Signer {
        unsigned_attributes: AttributeList::new()
            .countersignature(&signer(by_key(), Some(attributes.clone())).encode()),
        ..signer(by_serial(), Some(attributes.clone()))
    };
    let mut all = Vec::new();
    for form in [Form::Der, Form::Ber { chunk_bytes: 5 }] {
        let content = Content::Octets(b"what is signed");
        for signers in [
            vec![],
            vec![countersigned.clone()],
            vec![signer(by_serial(), None), signer(by_key(), None)],
        ] {
            let name = format!("built: {} signers, {form:?}", signers.len());
            let message = build::SignedData {
                signers,
                form,
                crls: vec![&[0xa1, 5, 6, 1, 0x2a, 5, 0]],
                ..build::SignedData::new(content)
            };
            all.push((name, message.encode()));
        }
        let element = build::SignedData {
            content_type: oid::TST_INFO,
            form,
            ..build::SignedData::new(Content::Element(&[0x30, 3, 2, 1, 5]))
        };
        all.push((format!("built: old content, {form:?}"), element.encode()));
        let recipients = vec![Recipient::Other {
            oid: oid::RECEIPT,
            value: &[5, 0],
        }];
        let cipher = algorithm(oid::AES128_CBC, Some(&[4, 2, 1, 2]));
        let enveloped = build::EnvelopedData {
            unprotected_attributes: attributes.clone(),
            form,
            ..build::EnvelopedData::new(recipients, cipher, b"ciphertext")
        };
        all.push((format!("built: enveloped, {form:?}"), enveloped.encode()));
        let compressed = build::compressed_data(oid::DATA, b"zlib", form);
        all.push((format!("built: compressed, {form:?}"), compressed));
    }
    all.into_iter()
        .map(|(name, bytes)| Sample { name, bytes })
        .collect()
}
