//! Plain mail of an archive made by `make-corpus`: encrypted, decrypted, and still the same.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use mailseal::limits::Limits;
use mailseal::mime::Tree;

use super::encrypting::meaning;
use super::{messages, records};
use crate::program::{Workplace, shared};

/// What each message means, by Message-ID.
fn by_id(place: &Workplace, archive: &str) -> BTreeMap<String, Vec<(String, String, Vec<u8>)>> {
    let id = |message: &[u8]| {
        let tree = Tree::read(message, &Limits::default());
        let field = tree.header(0).first("message-id").unwrap();
        String::from_utf8(field.unfolded().into_owned()).unwrap()
    };
    messages(place, archive)
        .iter()
        .map(|message| (id(message), meaning(message)))
        .collect()
}

#[test]
fn re_protecting_the_plain_mail_of_a_corpus_gives_it_back() {
    let Some(make) = shared("tools/make-corpus") else {
        return;
    };
    let place = Workplace::new();
    let made = Command::new(make)
        .args([
            "-n",
            "150",
            "--max-size",
            "60K",
            "--seed",
            "614",
            "--format",
            "eml",
        ])
        .args(["--mix", "plain=5,forwarded=1,signed=1", "--people", "8"])
        .arg(place.join("corpus"))
        .output()
        .unwrap();
    if !made.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&made.stderr));
        return;
    }
    let root = fs::read(place.join("corpus/pki/root.pem")).unwrap();
    let root = openssl::x509::X509::from_pem(&root)
        .unwrap()
        .to_der()
        .unwrap();
    let root: String = openssl::sha::sha256(&root)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let store = ["store", "--store", "st.db"];
    let pki = [
        "add",
        "corpus/pki/root.pem",
        "corpus/pki/intermediates.pem",
        "corpus/pki/certs",
        "corpus/pki/crls.pem",
    ];
    place.run(&[&store[..], &pki].concat()).code(0);
    place.run(&[&store[..], &["trust", &root]].concat()).code(0);
    let sent = place.run(&[
        "encrypt",
        "corpus/eml",
        "-o",
        "out",
        "-q",
        "--store",
        "st.db",
    ]);
    assert!(matches!(sent.code, Some(0 | 1)), "{sent:?}");
    let keys = [
        "--keys",
        "corpus/pki/keys",
        "--keys",
        "corpus/pki/certs",
        "-q",
    ];
    let back = [&["decrypt", "out/data/eml", "-o", "back"][..], &keys].concat();
    let ran = place.run(&back);
    assert!(matches!(ran.code, Some(0 | 1)), "{ran:?}");
    let (before, after) = (by_id(&place, "corpus/eml"), by_id(&place, "back/data/eml"));
    let mut opened = 0;
    for (id, meaning) in &after {
        let is_closed = meaning
            .iter()
            .any(|(_, media, _)| media == "application/pkcs7-mime");
        if !is_closed {
            assert_eq!(Some(meaning), before.get(id), "{id}");
            opened += 1;
        }
    }
    let action = |word: &str| {
        let lines = records(&place, "out");
        lines.iter().filter(|line| line["action"] == word).count()
    };
    println!(
        "{} encrypted, {} refused, {} skipped; {opened} came back",
        action("encrypted"),
        action("refused"),
        action("skipped")
    );
    assert!(opened > 60, "{opened}");
    assert!(action("refused") * 10 < action("encrypted"));
}
