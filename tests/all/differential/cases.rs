//! The mails that both are given.

use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::cms::BER;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::extensions;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use mailseal::asn1::oid;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::key_agreement::AgreementKdf;
use mailseal::crypto::key_agreement::AgreementScheme;
use mailseal::crypto::key_wrap::KeyWrap;
use mailseal::crypto::signature_scheme::SignatureScheme;

pub(super) struct SignedCase {
    pub(super) name: String,
    pub(super) message: Vec<u8>,
    pub(super) has_attributes: bool,
}

pub(super) fn content() -> Vec<u8> {
    mail::text("Dear all,\nthe meeting is on Friday.\n")
}

pub(super) fn headers() -> Headers {
    Headers::new("Alice <alice@example.com>", "Meeting", SENT_DATE)
}

/// What is done to a mail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Damage {
    None,
    /// A letter of the content.
    Content,
    /// A bit of the signature value.
    Value,
    /// Both.
    Both,
    /// The digest in the attributes is another content's, and signed so.
    Digest,
}

pub(super) fn signed_cases() -> Vec<SignedCase> {
    let mut cases = Vec::new();
    for (holder, scheme) in signers() {
        for (index, damage) in DAMAGES.into_iter().enumerate() {
            for opaque in [false, true] {
                // Every form with every damage, without the full product.
                for (attributes, by_key, ber) in
                    [(true, index % 2 == 0, false), (index % 2 == 0, true, true)]
                {
                    cases.push(case(
                        &holder,
                        scheme,
                        damage,
                        [opaque, attributes, by_key, ber],
                    ));
                }
            }
        }
    }
    for (name, holder) in chains() {
        for damage in [Damage::None, Damage::Content] {
            let mut one = case(
                &holder,
                keys::scheme(holder.key()),
                damage,
                [false, true, false, false],
            );
            one.name = format!("{name}: {}", one.name);
            cases.push(one);
        }
    }
    cases
}

pub(super) fn case(
    holder: &Holder,
    scheme: SignatureScheme,
    damage: Damage,
    [opaque, attributes, by_key, ber]: [bool; 4],
) -> SignedCase {
    let content = content();
    let mut sign = Sign::by(holder).scheme(scheme).at(people::sent());
    if by_key {
        sign = sign.by_key_identifier();
    }
    if !attributes {
        sign = sign.without_attributes();
    }
    if matches!(damage, Damage::Value | Damage::Both) {
        sign = sign.damaged();
    }
    if damage == Damage::Digest {
        sign = sign.over(b"another content");
    }
    let sent = if matches!(damage, Damage::Content | Damage::Both) {
        String::from_utf8(content.clone())
            .unwrap()
            .replace("Friday", "Sunday")
            .into_bytes()
    } else {
        content.clone()
    };
    let mut data = if opaque {
        Signed::opaque(&content).carrying(mailseal::cms::build::Content::Octets(&sent))
    } else {
        Signed::detached(&content)
    };
    data = data.signer(sign);
    if ber {
        data = data.form(BER);
    }
    let cms = data.encode();
    let entity = if opaque {
        mail::pkcs7_mime("signed-data", &cms)
    } else {
        mail::multipart_signed(&sent, &cms)
    };
    SignedCase {
        name: format!(
            "{} {scheme:?} {damage:?} opaque {opaque} attributes {attributes} by key {by_key} BER {ber}",
            holder.key().algorithm().name()
        ),
        message: mail::message(&headers(), &entity),
        has_attributes: attributes,
    }
}

/// Everything that OpenSSL 3.0 verifies in CMS.
pub(super) fn signers() -> Vec<(Holder, SignatureScheme)> {
    use DigestAlgorithm as D;
    let rsa = |digest| ("rsa2048-3", SignatureScheme::RsaV15(digest));
    let all = [
        rsa(D::Sha1),
        rsa(D::Sha256),
        rsa(D::Sha384),
        rsa(D::Sha512),
        ("rsa1024-1", SignatureScheme::RsaV15(D::Sha256)),
        ("rsa2048-3", keys::pss(D::Sha256)),
        ("rsa2048-3", keys::pss(D::Sha512)),
        ("p256-1", SignatureScheme::Ecdsa(D::Sha256)),
        ("p384-1", SignatureScheme::Ecdsa(D::Sha384)),
        ("p521-1", SignatureScheme::Ecdsa(D::Sha512)),
        ("brainpool256-1", SignatureScheme::Ecdsa(D::Sha256)),
        ("dsa2048-1", SignatureScheme::Dsa(D::Sha256)),
    ];
    all.into_iter()
        .map(|(key, scheme)| (people::person("alice", 800, key), scheme))
        .collect()
}

/// Signers whose path fails, each in its way, and some whose path does not.
pub(super) fn chains() -> Vec<(&'static str, Holder)> {
    let wanted = || Wanted::mail(801, "alice@example.com");
    let party = || Party::new("Alice", "rsa2048-3");
    let with = |wanted: Wanted| people::issued("Alice", "rsa2048-3", &wanted);
    // Each authority has a name of its own: the pool of the archive would find another way through one of the same name.
    let below = |name: &'static str, ca: Wanted| {
        let between = Holder::below_root(Party::new(name, "p256-3"), &ca, people::root());
        (name, Holder::below(party(), &wanted(), &between))
    };
    // No other mail of the archive has this root.
    let unseen = Holder::root(Party::new("Unseen Root", "p256-2"), &Wanted::ca(1));
    let mut incomplete = Holder::below(party(), &wanted(), &unseen);
    incomplete.chain.clear();
    let other_root = Holder::below(party(), &wanted(), people::stranger());
    vec![
        ("good", with(wanted())),
        (
            "expired",
            with(wanted().validity(day(2020, 1, 1), day(2024, 12, 1))),
        ),
        (
            "not yet valid",
            with(wanted().validity(day(2026, 1, 1), day(2030, 1, 1))),
        ),
        (
            "bad certificate signature",
            with(Wanted::mail(803, "alice@example.com").broken()),
        ),
        ("self-signed", Holder::root(party(), &wanted())),
        ("incomplete", incomplete),
        ("another root", other_root),
        (
            "server",
            with(wanted().with(extensions::extended_key_usage(false, &[oid::SERVER_AUTH]))),
        ),
        (
            "any usage",
            with(wanted().with(extensions::extended_key_usage(
                false,
                &[oid::ANY_EXTENDED_KEY_USAGE],
            ))),
        ),
        (
            "no usage",
            with(
                wanted()
                    .without(oid::EXTENDED_KEY_USAGE)
                    .without(oid::KEY_USAGE),
            ),
        ),
        (
            "key encipherment only",
            with(wanted().with(extensions::key_usage(&[extensions::KEY_ENCIPHERMENT]))),
        ),
        (
            "non-repudiation only",
            with(wanted().with(extensions::key_usage(&[extensions::NON_REPUDIATION]))),
        ),
        below("good authority", Wanted::ca(802)),
        below(
            "no authority",
            Wanted::ca(802).with(extensions::basic_constraints(false, None)),
        ),
        below(
            "no keyCertSign",
            Wanted::ca(802).with(extensions::key_usage(&[extensions::CRL_SIGN])),
        ),
        below(
            "expired authority",
            Wanted::ca(802).validity(day(2010, 1, 1), day(2024, 12, 1)),
        ),
        below(
            "names outside",
            Wanted::ca(802).with(extensions::mailbox_constraints(&["other.example"], &[])),
        ),
        below(
            "names inside",
            Wanted::ca(802).with(extensions::mailbox_constraints(&["example.com"], &[])),
        ),
        (
            "unknown critical",
            with(wanted().with((oid::CONTENT_HINTS, true, vec![5, 0]))),
        ),
        below(
            "server's authority",
            Wanted::ca(802).with(extensions::extended_key_usage(false, &[oid::SERVER_AUTH])),
        ),
    ]
}

pub(super) struct EncryptedCase {
    pub(super) name: String,
    pub(super) message: Vec<u8>,
    pub(super) content: Vec<u8>,
    /// Which of the readers the program is given.
    pub(super) reader: usize,
    /// It is for none of the readers.
    pub(super) for_others: bool,
    /// RSA with a damaged key, OAEP too: the program goes on with a random one, and now and then its padding looks well.
    pub(super) may_be_garbage: bool,
}

/// Those who read mail here, by the name of their files.
pub(super) fn readers() -> &'static [(&'static Holder, &'static str); 4] {
    static READERS: std::sync::LazyLock<[(&Holder, &str); 4]> = std::sync::LazyLock::new(|| {
        let leak = |name, serial, key| &*Box::leak(Box::new(people::person(name, serial, key)));
        [
            (people::carol(), "carol"),
            (people::bob(), "bob"),
            (leak("erin", 810, "p384-1"), "erin"),
            (leak("frank", 811, "p521-1"), "frank"),
        ]
    });
    &READERS
}

pub(super) fn encrypted_cases() -> Vec<EncryptedCase> {
    use CipherAlgorithm as C;
    use DigestAlgorithm as D;
    let ciphers = [
        C::Aes128Cbc,
        C::Aes192Cbc,
        C::Aes256Cbc,
        C::TripleDesCbc,
        C::Aes128Gcm,
        C::Aes192Gcm,
        C::Aes256Gcm,
    ];
    let mut cases = Vec::new();
    let [carol, bob, erin, frank] = readers().each_ref().map(|(holder, _)| *holder);
    let standard = |digest| AgreementScheme::Standard(AgreementKdf::X963(digest));
    let cofactor = |digest| AgreementScheme::Cofactor(AgreementKdf::X963(digest));
    let ways: Vec<(&str, usize, To<'_>)> = vec![
        ("rsa_v15", 0, To::new(carol)),
        ("rsa_v15 by key", 0, To::new(carol).by_key_identifier()),
        ("oaep sha1", 0, To::new(carol).oaep(D::Sha1, D::Sha1, b"")),
        (
            "oaep sha256",
            0,
            To::new(carol).oaep(D::Sha256, D::Sha256, b""),
        ),
        (
            "oaep sha512 sha1 label",
            0,
            To::new(carol).oaep(D::Sha512, D::Sha1, b"label"),
        ),
        ("ecdh p256", 1, To::new(bob)),
        (
            "ecdh p256 sha1 aes256",
            1,
            To::new(bob).agreement(standard(D::Sha1), KeyWrap::Aes256),
        ),
        (
            "ecdh p256 ukm",
            1,
            To::new(bob).ukm(b"user keying material"),
        ),
        (
            "ecdh p384 cofactor",
            2,
            To::new(erin).agreement(cofactor(D::Sha384), KeyWrap::Aes192),
        ),
        (
            "ecdh p521 by key",
            3,
            To::new(frank)
                .agreement(standard(D::Sha512), KeyWrap::Aes256)
                .by_key_identifier(),
        ),
    ];
    for (index, cipher) in ciphers.into_iter().enumerate() {
        for (way, reader, to) in &ways {
            let content = mail::text(&format!(
                "Dear {way},\nthis is for you, in {}.\n",
                cipher.name()
            ));
            let mut push = |name: &str, cms: Vec<u8>, reader, may_be_garbage| {
                let kind = if cipher.is_aead() {
                    "authEnveloped-data"
                } else {
                    "enveloped-data"
                };
                cases.push(EncryptedCase {
                    name: format!("{} {way} {name}", cipher.name()),
                    message: mail::message(&headers(), &mail::pkcs7_mime(kind, &cms)),
                    content: content.clone(),
                    reader,
                    for_others: name == "for somebody else",
                    may_be_garbage,
                });
            };
            let encrypt = |to: To<'_>| Encrypt::new(&content, cipher).to(to).encode();
            push("whole", encrypt(to.clone()), *reader, false);
            if (index + reader) % 2 == 0 {
                push(
                    "damaged key",
                    encrypt(to.clone().damaged()),
                    *reader,
                    way.starts_with("rsa_v15") || way.starts_with("oaep"),
                );
                let flipped = Encrypt::new(&content, cipher)
                    .to(to.clone())
                    .flip_bit(11)
                    .encode();
                if cipher.is_aead() {
                    push("flipped bit", flipped, *reader, false);
                }
                let two = Encrypt::new(&content, cipher)
                    .to(To::new(people::alice()))
                    .to(to.clone())
                    .form(BER)
                    .encode();
                push("two recipients", two, *reader, false);
                push(
                    "for somebody else",
                    encrypt(To::new(people::alice())),
                    *reader,
                    false,
                );
            }
        }
    }
    cases
}

const DAMAGES: [Damage; 5] = [
    Damage::None,
    Damage::Content,
    Damage::Value,
    Damage::Both,
    Damage::Digest,
];
