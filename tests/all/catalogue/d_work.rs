//! Row D-06: what one small mail may cost. Operations are counted, not seconds.

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::facts::axis::Signature;
use mailseal::facts::finding::Finding;
use mailseal::facts::record::MessageFacts;
use mailseal::facts::{Scratch, Settings, collect};
use mailseal::mime::message::{Form, Message, Origin};
use mailseal::pki::keyring::Keyring;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::carol;

/// The facts of a message that may cost so much, and the units that it left.
fn within(work_units: u64, message: &[u8]) -> (Box<MessageFacts>, u64) {
    let message = Message {
        bytes: message,
        form: Form::Mail,
        origin: Origin::default(),
    };
    let mut settings = Settings::default();
    settings.limits.work_units = work_units;
    let mut scratch = Scratch::default();
    let collected = collect(&message, &Keyring::empty(), &settings, &mut scratch);
    (collected.facts.unwrap(), scratch.work_left())
}

fn signed_times(signers: usize) -> Vec<u8> {
    let text = content();
    let mut data = Signed::detached(&text);
    for _ in 0..signers {
        data = data.signer(Sign::by(alice()).at(people::sent()));
    }
    clear_signed(&data.encode())
}

#[test]
fn d_06_signatures_over_the_work_budget_are_not_checked() {
    let message = signed_times(16);
    // Alice's key is RSA-2048: one unit a signature.
    let (facts, left) = within(5, &message);
    let signatures = &facts.layers[0].signatures;
    let checked = signatures
        .iter()
        .filter(|one| one.signature == Signature::Valid)
        .count();
    assert_eq!((checked, left), (5, 0));
    for one in &signatures[5..] {
        assert_eq!(one.signature, Signature::NotChecked);
        assert!(one.findings.contains(&Finding::WorkBudget));
        assert!(one.pending.is_none());
    }
    // Within it nothing of this is seen, and each costs what it should.
    let (facts, left) = within(8192, &message);
    assert_eq!(left, 8192 - 16);
    for one in &facts.layers[0].signatures {
        assert_eq!(one.signature, Signature::Valid);
        assert!(!one.findings.contains(&Finding::WorkBudget));
    }
    // The next message has a budget of its own.
    let mut scratch = Scratch::default();
    for _ in 0..2 {
        let message = Message {
            bytes: &message,
            form: Form::Mail,
            origin: Origin::default(),
        };
        let settings = Settings::default();
        collect(&message, &Keyring::empty(), &settings, &mut scratch);
        assert_eq!(scratch.work_left(), settings.limits.work_units - 16);
    }
}

/// Recipients that all name our key, none of which it opens: 256 private operations, and the rest is not tried.
#[test]
fn d_06_recipients_over_the_work_budget_are_not_tried() {
    let text = content();
    let mut made = Encrypt::new(&text, CipherAlgorithm::Aes256Cbc);
    for _ in 0..300 {
        made = made.to(To::new(carol()));
    }
    // Another content under the same recipients: each is used, none fits.
    let mut der = made.encode();
    let end = der.len();
    der[end - 40..].fill(0x5a);
    let message = mail::message(&from_alice(), &mail::pkcs7_mime("enveloped-data", &der));
    let record = Audit::of(&[&message]).key(carol()).record();
    assert_eq!(record.status(), "unsupported");
    assert_eq!(record.layer_notes(), ["work_budget"]);
    assert_eq!(record.layer(0, "encrypted/decryption"), "not_tried");
}
