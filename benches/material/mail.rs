//! Mail made to order: ordinary, signed, encrypted; and mbox files of it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use mailseal::asn1::{AlgorithmIdentifier, Integer, Oid, Reader, Tag, oid};
use mailseal::cms::build::{
    AttributeList, AuthEnvelopedData, Content, EnvelopedData, SignedData, Signer,
};
use mailseal::cms::recipient_info::KeyTransport;
use mailseal::cms::{EntityIdentifier, IssuerAndSerial, Recipient};
use mailseal::crypto::Signed;
use mailseal::crypto::content::encrypt;
use mailseal::crypto::content_cipher::{CipherAlgorithm, ContentCipher};
use mailseal::crypto::digest::sha256;
use mailseal::crypto::key_transport::RsaTransport;
use mailseal::crypto::sign::sign;
use mailseal::report::encode::base64;

use crate::material::party::{Party, SCHEME, World, address, days_from_now};

/// A stored message that is 36 KB long, as the targets have it.
pub const STORED_BYTES: usize = 36 << 10;

/// How lines end in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    Lf,
    CrLf,
}

/// A message, and what its floor is computed over.
pub struct Mail {
    /// As it lies in the archive.
    pub stored: Vec<u8>,
    /// The MIME entity that is signed or encrypted, line ends as CR LF.
    pub content: Vec<u8>,
    /// The signature value, or the encrypted content key.
    pub value: Vec<u8>,
    /// What the signature is over.
    pub attributes: Vec<u8>,
    /// Encrypted mail: the ciphertext, its cipher's key and IV.
    pub sealed: Option<Sealed>,
}

/// What an encrypted message's floor needs.
pub struct Sealed {
    pub ciphertext: Vec<u8>,
    pub key: Vec<u8>,
    pub nonce: Vec<u8>,
    pub tag: Vec<u8>,
}

/// Deterministic noise.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 32) as u8).collect()
    }
}

const WORDS: [&str; 16] = [
    "the",
    "quarterly",
    "figures",
    "are",
    "attached",
    "please",
    "have",
    "a",
    "look",
    "before",
    "Thursday",
    "and",
    "tell",
    "me",
    "what",
    "changed",
];

/// Lines of text with CR LF, of `bytes` bytes or a little more.
pub fn text(noise: &mut Noise, bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + 80);
    let mut column = 0;
    while out.len() < bytes {
        let word = WORDS[(noise.next() >> 40) as usize % WORDS.len()];
        out.push_str(word);
        column += word.len() + 1;
        if column > 66 {
            out.push_str("\r\n");
            column = 0;
        } else {
            out.push(' ');
        }
    }
    out.push_str("\r\n");
    out
}

/// Base64 in lines of 76 characters.
pub fn base64_lines(bytes: &[u8]) -> String {
    let plain = base64(bytes);
    let mut out = String::with_capacity(plain.len() / 38 * 39 + 2);
    for line in plain.as_bytes().chunks(76) {
        out.push_str(std::str::from_utf8(line).unwrap());
        out.push_str("\r\n");
    }
    out
}

/// The header of message `number` from person `from` to person 0, without Content-Type: two and a half KB, as mail that has travelled.
pub fn header(number: u64, from: u64) -> String {
    let (from, to) = (address(from), address(0));
    let mut out = format!("Return-Path: <{from}>\r\n");
    for hop in 0..3 {
        out.push_str(&format!(
            "Received: from relay{hop}.example.net (relay{hop}.example.net [192.0.2.{hop}])\r\n\tby mx{hop}.example.com (Postfix) with ESMTPS id {number:010X}\r\n\tfor <{to}>; Thu, 02 May 2024 10:00:0{hop} +0000 (UTC)\r\n"
        ));
    }
    out.push_str(&format!(
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=mail;\r\n\tt=1714644000; bh={};\r\n\th=From:To:Subject:Date;\r\n\tb={}\r\n",
        base64(&sha256(&number.to_be_bytes())),
        base64(&Noise::new(number).bytes(256)),
    ));
    out.push_str(&format!(
        "Authentication-Results: mx.example.com; dkim=pass header.d=example.com; spf=pass smtp.mailfrom={from}\r\nX-Spam-Status: No, score=-2.1 required=5.0 tests=BAYES_00,DKIM_SIGNED,DKIM_VALID,SPF_PASS\r\nFrom: =?UTF-8?Q?M=C3=BCller=2C_Person?= <{from}>\r\nTo: <{to}>\r\nSubject: Figures of the quarter {number}\r\nDate: Thu, 2 May 2024 10:00:00 +0000\r\nMessage-ID: <{number}.figures@example.com>\r\nX-Mailer: Bench 1.0\r\nMIME-Version: 1.0\r\n"
    ));
    out
}

/// An entity of about `bytes` bytes: text and an attachment.
fn entity(number: u64, bytes: usize) -> Vec<u8> {
    let mut noise = Noise::new(number + 77);
    let attachment = bytes.saturating_sub(3000) / 78 * 57;
    format!(
        "Content-Type: multipart/mixed; boundary=\"inner-{number}\"\r\n\r\n--inner-{number}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n{}--inner-{number}\r\nContent-Type: application/pdf; name=\"figures.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"figures.pdf\"\r\n\r\n{}\r\n--inner-{number}--\r\n",
        text(&mut noise, 2000),
        base64_lines(&noise.bytes(attachment)),
    )
    .into_bytes()
}

/// A detached signature (multipart/signed) by one of the people over an entity; 36 KB as stored.
pub fn signed(world: &World, number: u64, lines: Lines) -> Mail {
    detached(world, number, lines, STORED_BYTES - 8_600)
}

/// The same, of about `bytes` bytes.
pub fn large(world: &World, bytes: usize) -> Vec<u8> {
    detached(world, 0, Lines::Lf, bytes).stored
}

fn detached(world: &World, number: u64, lines: Lines, bytes: usize) -> Mail {
    let content = entity(number, bytes);
    let (cms, value, attributes) = signature(world, number, &content, Content::Detached);
    let boundary = format!("outer-{number}");
    let mut whole = header(number, sender(world, number)).into_bytes();
    whole.extend_from_slice(format!(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256;\r\n\tboundary=\"{boundary}\"\r\n\r\nThis is an S/MIME signed message\r\n\r\n--{boundary}\r\n"
    ).as_bytes());
    whole.extend_from_slice(&content);
    whole.extend_from_slice(format!(
        "\r\n--{boundary}\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n{}\r\n--{boundary}--\r\n",
        base64_lines(&cms)
    ).as_bytes());
    Mail {
        stored: stored(whole, lines),
        content,
        value,
        attributes,
        sealed: None,
    }
}

/// An opaque signature (application/pkcs7-mime) over an entity; 36 KB as stored.
pub fn opaque(world: &World, number: u64, lines: Lines) -> Mail {
    let content = entity(number, (STORED_BYTES - 7_200) / 78 * 57);
    let (cms, value, attributes) = signature(world, number, &content, Content::Octets(&content));
    let head = header(number, sender(world, number));
    Mail {
        stored: stored(wrapped(head, "signed-data", &cms), lines),
        content,
        value,
        attributes,
        sealed: None,
    }
}

/// Encrypted to person 0; 36 KB as stored.
pub fn encrypted(world: &World, number: u64, lines: Lines, algorithm: CipherAlgorithm) -> Mail {
    let content = entity(number, (STORED_BYTES - 3_400) / 78 * 57);
    let recipient = &world.people[0];
    let cipher = ContentCipher::generate(algorithm).unwrap();
    let key = cipher.generate_key().unwrap();
    let sealed = encrypt(&cipher, &key, &[], &[&content]).unwrap();
    let value = RsaTransport::V15
        .encrypt(recipient.key.public_key(), &key)
        .unwrap();
    let transport = RsaTransport::V15.algorithm();
    let serial = recipient.serial.to_be_bytes();
    let recipients = vec![Recipient::KeyTransport(KeyTransport {
        version: 0,
        rid: identifier(recipient, &serial),
        algorithm: read(&transport),
        encrypted_key: Cow::Borrowed(&value),
    })];
    let written = cipher.algorithm_identifier();
    let (kind, cms) = if cipher.is_aead() {
        let data =
            AuthEnvelopedData::new(recipients, read(&written), &sealed.ciphertext, &sealed.tag);
        ("authEnveloped-data", data.encode())
    } else {
        let data = EnvelopedData::new(recipients, read(&written), &sealed.ciphertext);
        ("enveloped-data", data.encode())
    };
    Mail {
        stored: stored(wrapped(header(number, 1), kind, &cms), lines),
        content,
        value,
        attributes: Vec::new(),
        sealed: Some(Sealed {
            ciphertext: sealed.ciphertext,
            key: key.to_vec(),
            nonce: nonce(read(&written).parameters.unwrap()),
            tag: sealed.tag,
        }),
    }
}

/// The IV that is CBC's parameter (RFC 3565 §4.1), or the nonce that GCM's begin with (RFC 5084 §3.2).
fn nonce(parameters: &[u8]) -> Vec<u8> {
    let element = Reader::new(parameters).element().unwrap();
    let octets = match element.tag {
        Tag::SEQUENCE => element.reader().unwrap().octet_string().unwrap(),
        _ => element.as_octet_string(),
    };
    octets.bytes().unwrap().into_owned()
}

/// Mail without S/MIME: of a list, with a copy in HTML, or with an attachment.
pub fn ordinary(number: u64) -> Vec<u8> {
    let mut noise = Noise::new(number);
    let mut out = header(number, number % 50);
    let boundary = format!("part-{number}");
    match number % 5 {
        0 | 1 => {
            out.push_str("Content-Type: text/plain; charset=us-ascii\r\n\r\n");
            out.push_str(&text(&mut noise, 3000));
        }
        2 | 3 => {
            let plain = text(&mut noise, 4000);
            let html = text(&mut noise, 16_000);
            out.push_str(&format!("Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain}--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body style=3D\"x\">{html}</body></html>\r\n--{boundary}--\r\n"));
        }
        _ => {
            let plain = text(&mut noise, 1500);
            let size = 40_000 + (noise.next() % 200_000) as usize;
            let attachment = base64_lines(&noise.bytes(size));
            out.push_str(&format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain}--{boundary}\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"report.pdf\"\r\n\r\n{attachment}--{boundary}--\r\n"));
        }
    }
    stored(out.into_bytes(), Lines::Lf)
}

/// Ordinary mail of a few KB, as mailing lists carry it.
pub fn short(number: u64) -> Vec<u8> {
    let mut out = header(number, number % 50);
    out.push_str("Content-Type: text/plain; charset=us-ascii\r\n\r\n");
    out.push_str(&text(&mut Noise::new(number), 1500));
    stored(out.into_bytes(), Lines::Lf)
}

/// A message that carries `certificate` and nothing else.
pub fn certificates_only(number: u64, certificate: &[u8]) -> Vec<u8> {
    let cms = SignedData::certs_only(vec![certificate]).encode();
    stored(wrapped(header(number, 1), "certs-only", &cms), Lines::Lf)
}

/// One mbox entry.
pub fn entry(message: &[u8], lines: Lines) -> Vec<u8> {
    let end: &[u8] = match lines {
        Lines::Lf => b"\n",
        Lines::CrLf => b"\r\n",
    };
    let separator: &[u8] = b"From person1@example.com Thu May  2 10:00:00 2024";
    [separator, end, message, end].concat()
}

/// Writes the messages over and over until there are `count` of them. Gives the file's size.
pub fn write_mbox<'m>(
    path: &Path,
    messages: impl Iterator<Item = &'m [u8]> + Clone,
    count: usize,
    lines: Lines,
) -> u64 {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    for message in messages.cycle().take(count) {
        file.write_all(&entry(message, lines)).unwrap();
    }
    file.into_inner().unwrap().metadata().unwrap().len()
}

fn stored(whole: Vec<u8>, lines: Lines) -> Vec<u8> {
    match lines {
        Lines::CrLf => whole,
        Lines::Lf => String::from_utf8(whole)
            .unwrap()
            .replace("\r\n", "\n")
            .into_bytes(),
    }
}

fn wrapped(head: String, kind: &str, cms: &[u8]) -> Vec<u8> {
    format!(
        "{head}Content-Type: application/pkcs7-mime; smime-type={kind}; name=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n{}",
        base64_lines(cms)
    )
    .into_bytes()
}

/// Person 0 receives, the others send.
fn sender(world: &World, number: u64) -> u64 {
    1 + number % (world.people.len() as u64 - 1)
}

/// A SignedData as Outlook, Thunderbird and Apple Mail write it: two certificates, four signed attributes. Gives with it the signature
/// value and what it is over.
fn signature(
    world: &World,
    number: u64,
    content: &[u8],
    carried: Content<'_>,
) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let person = &world.people[sender(world, number) as usize];
    let serial = person.serial.to_be_bytes();
    let algorithm = SCHEME.cms_algorithm().unwrap();
    let sha256_identifier = plain(oid::SHA256);
    let capabilities = [plain(oid::AES256_CBC), plain(oid::AES128_CBC)];
    let attributes = AttributeList::new()
        .content_type(oid::DATA)
        .message_digest(&sha256(content))
        .signing_time(days_from_now(-30))
        .capabilities(&capabilities);
    let over = attributes.to_be_signed();
    let signer = Signer {
        sid: identifier(person, &serial),
        digest_algorithm: sha256_identifier,
        signed_attributes: Some(attributes),
        signature_algorithm: read(&algorithm),
        signature: Vec::new(),
        unsigned_attributes: AttributeList::new(),
    }
    .sign(content, |octets| {
        sign(&SCHEME, &person.key, Signed::Message(&[octets]))
    })
    .unwrap();
    let value = signer.signature.clone();
    let data = SignedData {
        certificates: vec![&person.certificate, &world.authority.certificate],
        signers: vec![signer],
        ..SignedData::new(carried)
    };
    (data.encode(), value, over)
}

fn plain(oid: Oid<'static>) -> AlgorithmIdentifier<'static> {
    AlgorithmIdentifier {
        oid,
        parameters: None,
    }
}

fn read(der: &[u8]) -> AlgorithmIdentifier<'_> {
    AlgorithmIdentifier::read(&mut Reader::new(der)).unwrap()
}

fn identifier<'a>(party: &'a Party, serial: &'a [u8; 8]) -> EntityIdentifier<'a> {
    EntityIdentifier::IssuerAndSerial(IssuerAndSerial {
        issuer: &party.issuer,
        serial: Integer(minimal(serial)),
    })
}

/// The octets that DER writes: none in front that say nothing.
fn minimal(octets: &[u8]) -> &[u8] {
    let start = octets.iter().take_while(|octet| **octet == 0).count();
    let needs_sign = octets[start] >= 0x80;
    &octets[start - usize::from(needs_sign)..]
}
