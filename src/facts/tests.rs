//! Whole messages through `collect`, without keys.

use super::*;
use crate::facts::axis::{LayerKind, Structure};
use crate::facts::record::MessageFacts;
use crate::mime::message::{Origin, Quoting};

fn facts(bytes: &[u8], settings: &Settings) -> Option<Box<MessageFacts>> {
    let message = Message {
        bytes,
        form: Form::Mail,
        origin: Origin {
            quoting: Quoting::None,
            ..Origin::default()
        },
    };
    collect(
        &message,
        &Keyring::empty(),
        settings,
        &mut Scratch::default(),
    )
    .facts
}

#[test]
fn header_fields_are_read_from_the_header_alone() {
    let settings = Settings {
        all: true,
        ..Settings::default()
    };
    let mail = b"From: alice@example.org\nDate: Thu, 1 Jan 1970 00:00:01 +0000\n\nFrom: bob@example.org\nSender: x@example.org\n";
    let facts = facts(mail, &settings).unwrap();
    assert_eq!(facts.sender.from_fields, 1);
    assert_eq!(facts.sender.from, ["alice@example.org"]);
    assert!(facts.sender.sender.is_empty() && facts.headers.sender.is_none());
    assert_eq!(facts.times.len(), 1);
}

#[test]
fn ordinary_mail_has_no_facts_unless_all_are_asked_for() {
    let mail = b"From: alice@example.org\n\nhello\n";
    assert!(facts(mail, &Settings::default()).is_none());
}

/// What a limit leaves unread must not make a message look as if it were not there.
#[test]
fn layers_over_the_limit_show_as_a_layer_that_was_not_read() {
    let mut mail =
        b"From: alice@example.org\nContent-Type: multipart/mixed; boundary=b\n\n".to_vec();
    for _ in 0..5 {
        mail.extend_from_slice(
            b"--b\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\nMIIB\n",
        );
    }
    mail.extend_from_slice(b"--b--\n");
    let mut settings = Settings::default();
    settings.limits.layers = 3;
    let facts = facts(&mail, &settings).unwrap();
    assert_eq!(facts.layers.len(), 4);
    let last = facts.layers.last().unwrap();
    assert_eq!(
        (last.kind, last.structure),
        (LayerKind::Unknown, Structure::Ok)
    );
    assert_eq!(last.findings, [Finding::TooManyLayers]);
}
