//! One message collected with Carol's and Bob's keys and migrated; and the entities that such messages hold.

use std::fs;
use std::sync::LazyLock;

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::facts::finding::Finding;
use mailseal::facts::record::MessageFacts;
use mailseal::facts::{Scratch, Settings, collect};
use mailseal::jobs::migrate::message::{
    Decrypted, Kept, Migrated, Options, ProvenancePlace, migrate,
};
use mailseal::limits::Limits;
use mailseal::mime::message::{Form, Message, Origin};
use mailseal::pki::keyring::{Keyring, Passwords};

use crate::catalogue::a_axes::from_alice;
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::{Sign, Signed, signed_by};
use crate::toolkit::enveloped::{Encrypt, To};
use crate::toolkit::people::{self, alice, bob, carol};
use crate::toolkit::{keys, mail};

/// Carol's and Bob's keys.
pub static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for (name, holder) in [("carol", carol()), ("bob", bob())] {
        let path = folder.path().join(name);
        fs::write(path.with_extension("key"), keys::pkcs8(holder.key())).unwrap();
        fs::write(path.with_extension("cer"), &holder.certificate).unwrap();
    }
    let paths = [folder.path().to_owned()];
    let loaded = Keyring::load(&paths, &Passwords::none(), &Limits::default());
    loaded.unwrap().0
});

pub fn with_keys(message: &Message<'_>, options: &Options, keys: &Keyring) -> Migrated {
    let settings = Settings::default();
    let mut scratch = Scratch::default();
    let collected = collect(message, keys, &settings, &mut scratch);
    migrate(message, collected, options, &settings.limits, &mut scratch)
}

pub fn mail_of(bytes: &[u8]) -> Message<'_> {
    Message {
        bytes,
        form: Form::Mail,
        origin: Origin::default(),
    }
}

pub fn run(bytes: &[u8], options: &Options) -> Migrated {
    with_keys(&mail_of(bytes), options, &KEYS)
}

pub fn decrypted_as(bytes: &[u8], options: &Options) -> Box<Decrypted> {
    match run(bytes, options) {
        Migrated::Decrypted(decrypted) => decrypted,
        Migrated::Copied(kept) => panic!("copied: {kept:?}\n{}", String::from_utf8_lossy(bytes)),
    }
}

pub fn decrypted(bytes: &[u8]) -> Box<Decrypted> {
    decrypted_as(bytes, &Options::default())
}

/// Without a provenance field, so that the bytes can be written down.
pub fn bare() -> Options {
    Options {
        provenance: ProvenancePlace::Sidecar,
        ..Options::default()
    }
}

pub fn partial() -> Options {
    Options {
        allow_partial: true,
        ..bare()
    }
}

pub fn kept_as(bytes: &[u8], options: &Options) -> Kept {
    match run(bytes, options) {
        Migrated::Copied(kept) => kept,
        Migrated::Decrypted(decrypted) => {
            panic!("{}", String::from_utf8_lossy(&decrypted.bytes))
        }
    }
}

pub fn kept(bytes: &[u8]) -> Kept {
    kept_as(bytes, &Options::default())
}

pub fn text(decrypted: &Decrypted) -> String {
    String::from_utf8_lossy(&decrypted.bytes).into_owned()
}

pub fn codes(decrypted: &Decrypted) -> Vec<Finding> {
    decrypted.findings.iter().map(|one| one.code).collect()
}

pub fn encrypted_with(entity: &[u8], cipher: CipherAlgorithm) -> Vec<u8> {
    let cms = Encrypt::new(entity, cipher).to(To::new(carol())).encode();
    mail::pkcs7_mime("enveloped-data", &cms)
}

pub fn encrypted(entity: &[u8]) -> Vec<u8> {
    encrypted_with(entity, CipherAlgorithm::Aes256Cbc)
}

pub fn for_stranger(entity: &[u8]) -> Vec<u8> {
    let cms = Encrypt::new(entity, CipherAlgorithm::Aes256Cbc)
        .to(To::new(alice()))
        .encode();
    mail::pkcs7_mime("enveloped-data", &cms)
}

pub fn clear_signed(entity: &[u8], by: &Holder) -> Vec<u8> {
    mail::multipart_signed(entity, &signed_by(by, entity, people::sent()))
}

pub fn opaque_signed(entity: &[u8], by: &Holder) -> Vec<u8> {
    let cms = Signed::opaque(entity).signer(Sign::by(by)).encode();
    mail::pkcs7_mime("signed-data", &cms)
}

/// Stored with both line ends.
pub fn stored(entity: &[u8]) -> [Vec<u8>; 2] {
    let message = mail::message(&from_alice(), entity);
    [mail::lf(&message), message]
}

pub fn facts(bytes: &[u8]) -> MessageFacts {
    let settings = Settings {
        all: true,
        ..Settings::default()
    };
    let collected = collect(
        &mail_of(bytes),
        &Keyring::empty(),
        &settings,
        &mut Scratch::default(),
    );
    *collected.facts.unwrap()
}

pub fn facts_with_keys(bytes: &[u8]) -> MessageFacts {
    let settings = Settings::default();
    let collected = collect(&mail_of(bytes), &KEYS, &settings, &mut Scratch::default());
    *collected.facts.unwrap()
}

/// Fields as RFC 9788 puts them into the payload, in front of its Content-Type.
pub fn protecting(fields: &str, kind: &str) -> Vec<u8> {
    format!("{fields}Content-Type: text/plain; charset=us-ascii; {kind}\r\n\r\nsecret text\r\n")
        .into_bytes()
}

pub const INNER: &str = "From: Alice <alice@example.com>\r\nTo: Everybody <list@example.com>\r\nSubject: The real\r\n subject\r\n\
    Message-ID: <Meeting@sample.example>\r\nX-Mailer: inner\r\nHP-Outer: Subject: [...]\r\n";
