//! `archives/`: some of the samples once more, as they lie in archives.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::samples::Sample;
use crate::toolkit::mail;
use crate::toolkit::mail::Mbox;

/// Archives of the messages with these names.
pub fn samples(stored: &[(String, Vec<u8>)]) -> Vec<Sample> {
    let named = |names: &[&str]| -> Vec<Vec<u8>> {
        let of = |name: &&str| {
            let found = stored.iter().find(|(known, _)| known == name);
            found
                .unwrap_or_else(|| panic!("no sample {name}"))
                .1
                .clone()
        };
        names.iter().map(of).collect()
    };
    let inbox = named(&[
        "plain/ordinary.eml",
        "verify/rsa.eml",
        "verify/from-line.eml",
        "decrypt/signed-inside.eml",
        "verify/altered.eml",
        "certs/certs-only.eml",
    ]);
    let old = named(&[
        "verify/expired-since.eml",
        "plain/openpgp.eml",
        "decrypt/no-key.eml",
    ]);
    let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
    zipped.write_all(&mail::mbox(&old, Mbox::O)).unwrap();
    let mut all = vec![
        Sample::new(
            "archives/inbox.mbox",
            "Six messages in an mbox (mboxrd): the quoting of From lines is undone before a signature is checked.",
            mail::mbox(&inbox, Mbox::Rd),
        ),
        Sample::new(
            "archives/old.mbox.gz",
            "Three messages in an mbox under gzip.",
            zipped.finish().unwrap(),
        ),
    ];
    // `tmp` holds what is still being delivered.
    for (file, shows, name) in [
        (
            "cur/1715769000.M1P1.sample:2,S",
            "A Maildir: a message that was read,",
            "verify/ecdsa-p256.eml",
        ),
        (
            "cur/1715769001.M1P1.sample",
            "one that lost its flags,",
            "verify/wrong-sender.eml",
        ),
        (
            "new/1715769002.M1P1.sample",
            "one that was not seen yet,",
            "decrypt/x25519.eml",
        ),
        (
            "tmp/1715769003.M1P1.sample",
            "and one that is still on its way, and does not count.",
            "verify/opaque.eml",
        ),
    ] {
        let message = mail::lf(&named(&[name])[0]);
        all.push(Sample::new(
            &format!("archives/maildir/{file}"),
            shows,
            message,
        ));
    }
    all
}
