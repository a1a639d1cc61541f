//! Keys of every kind, with certificates of one authority.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use mailseal::asn1::oid;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;

use crate::pki::authority::{Party, Revoked, Wanted, crl, key_usage};
use crate::program::{TEAM, Workplace, pem};

/// Days from 2020 to 2047.
const DAYS: (i64, i64) = (0, 10_000);

/// Somebody with a key and a certificate.
pub struct Person {
    pub address: String,
    pub key: PKey<Private>,
    pub der: Vec<u8>,
}

/// Whose key signs, and mail can be encrypted to it where its kind allows that.
fn person(name: &str, serial: u64, key: PKey<Private>, days: (i64, i64), usage: &[u8]) -> Person {
    let address = format!("{name}@example.com");
    let mut wanted = Wanted::signer(&Party::new(name), serial, &address)
        .with(oid::KEY_USAGE, true, key_usage(usage))
        .without(oid::SUBJECT_KEY_IDENTIFIER)
        .days(days.0, days.1);
    wanted.spki = key.public_key_to_der().unwrap();
    Person {
        der: wanted.by(&TEAM.root),
        address,
        key,
    }
}

pub fn ec(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

const SIGN_AND_TRANSPORT: [u8; 2] = [0, 2];
const SIGN_AND_AGREE: [u8; 2] = [0, 4];

/// Everybody.
pub struct People {
    pub rsa: Person,
    pub p256: Person,
    pub p384: Person,
    pub ed25519: Person,
    pub bob: Person,
    pub dave: Person,
    pub expired: Person,
    pub early: Person,
    pub weak: Person,
    pub signs_nothing: Person,
    pub revoked: Person,
    pub crl: Vec<u8>,
}

pub static PEOPLE: LazyLock<People> = LazyLock::new(|| {
    let p256 = || ec(Nid::X9_62_PRIME256V1);
    People {
        rsa: person("rsa", 100, rsa(2048), DAYS, &SIGN_AND_TRANSPORT),
        p256: person("p256", 101, p256(), DAYS, &SIGN_AND_AGREE),
        p384: person("p384", 102, ec(Nid::SECP384R1), DAYS, &SIGN_AND_AGREE),
        ed25519: person(
            "ed25519",
            103,
            PKey::generate_ed25519().unwrap(),
            DAYS,
            &[0],
        ),
        bob: person("bob", 104, rsa(2048), DAYS, &SIGN_AND_TRANSPORT),
        dave: person("dave", 105, p256(), DAYS, &SIGN_AND_AGREE),
        expired: person("expired", 106, p256(), (0, 10), &SIGN_AND_AGREE),
        early: person("early", 107, p256(), (9_000, 10_000), &SIGN_AND_AGREE),
        weak: person("weak", 108, rsa(1024), DAYS, &SIGN_AND_TRANSPORT),
        signs_nothing: person("keyusage", 109, p256(), DAYS, &[6]),
        revoked: person("revoked", 110, p256(), DAYS, &SIGN_AND_AGREE),
        crl: crl(&TEAM.root, DAYS, &[Revoked::new(110, 20, None)], &[]),
    }
});

impl People {
    pub fn all(&self) -> [&Person; 11] {
        [
            &self.rsa,
            &self.p256,
            &self.p384,
            &self.ed25519,
            &self.bob,
            &self.dave,
            &self.expired,
            &self.early,
            &self.weak,
            &self.signs_nothing,
            &self.revoked,
        ]
    }
}

/// With `roots.pem`, `crl.pem`, `own/` with the key and certificate of everybody but Bob, Dave, and a store `st.db` that trusts the root and
/// has everybody's certificate.
pub fn place() -> Workplace {
    let place = Workplace::new();
    place.write("roots.pem", pem("CERTIFICATE", &TEAM.root_der));
    place.write("crl.pem", pem("X509 CRL", &PEOPLE.crl));
    for person in PEOPLE.all() {
        let name = person.address.split('@').next().unwrap();
        let certificate = pem("CERTIFICATE", &person.der);
        place.write(format!("certificates/{name}.pem"), &certificate);
        let key = person.key.private_key_to_pem_pkcs8().unwrap();
        let both = [certificate.as_bytes(), &key].concat();
        let folder = match name {
            "bob" | "dave" => "others",
            _ => "own",
        };
        let path = place.write(format!("{folder}/{name}.pem"), both);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let store = |arguments: &[&str]| {
        place
            .run(&[&["store", "--store", "st.db"], arguments].concat())
            .code(0);
    };
    store(&["add", "roots.pem", "crl.pem", "certificates"]);
    let root: String = openssl::sha::sha256(&TEAM.root_der)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    store(&["trust", &root]);
    place
}

/// A mail from one to others, with fields of its own; line ends LF.
pub fn mail(from: &str, id: &str, fields: &str, body: &str) -> String {
    format!(
        "Received: by x; Mon, 1 Jun 2026 12:00:00 +0000\nFrom: {from}@example.com\n{fields}Subject: about {id}\n\
         Date: Mon, 01 Jun 2026 12:00:00 +0000\nMessage-ID: <{id}@example.com>\n{body}"
    )
}

/// Letters with all kinds of content, from one to others.
pub fn letters() -> Vec<String> {
    let encoded = |kind: &str, encoding: &str, body: &str| {
        format!(
            "MIME-Version: 1.0\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n{body}"
        )
    };
    let bodies = [
        "\nhello\n".to_owned(),
        "\nFrom me\n.\ntrailing \n\n".to_owned(),
        encoded("text/plain; charset=utf-8", "8bit", "gr\u{fc}\u{df}e\n"),
        encoded(
            "text/plain; charset=utf-8",
            "quoted-printable",
            "gr=C3=BC=C3=9Fe\n",
        ),
        encoded(
            "text/html",
            "7bit",
            &format!("<p>{}</p>\n", "x".repeat(300)),
        ),
        encoded("application/pdf", "base64", "AAECAwQFBgcICQ==\n"),
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n\
         Content-Type: message/rfc822\n\nFrom: x@example.com\nSubject: inner\n\nforwarded\n--b--\n"
            .to_owned(),
    ];
    let letter =
        |(n, body): (usize, &String)| mail("p256", &n.to_string(), "To: bob@example.com\n", body);
    bodies.iter().enumerate().map(letter).collect()
}
