//! The examples of the help, as typed.

use std::fs;

use super::people::{mail, place};
use crate::program::{Workplace, gzip, mbox};

fn as_in_the_examples() -> Workplace {
    let place = place();
    let mails = [
        mail("p256", "1", "To: bob@example.com\n", "\nhello\n"),
        mail(
            "p256",
            "2",
            "To: dave@example.com\nBcc: bob@example.com\n",
            "\nhello\n",
        ),
    ];
    place.write("outbox.mbox", mbox(&mails));
    place.write("old.mbox.gz", gzip(&mbox(&mails)));
    place.write("drafts/1.eml", &mails[0]);
    for (from, to) in [("st.db", "people.db"), ("own/p256.pem", "me.p12")] {
        fs::copy(place.join(from), place.join(to)).unwrap();
    }
    fs::create_dir(place.join("keys")).unwrap();
    fs::copy(place.join("own/p256.pem"), place.join("keys/p256.pem")).unwrap();
    // Who names no anchor has the root in the key file.
    for file in ["me.p12", "keys/p256.pem"] {
        let both = [place.join(file), place.join("roots.pem")].map(|path| fs::read(path).unwrap());
        fs::write(place.join(file), both.concat()).unwrap();
    }
    place.write("passwords.txt", "sesame\n");
    fs::create_dir(place.join("crls")).unwrap();
    fs::copy(place.join("crl.pem"), place.join("crls/root.crl")).unwrap();
    place
}

#[test]
fn every_example_of_sign_and_encrypt_works() {
    let mut tried = 0;
    for command in ["sign", "encrypt"] {
        let help = Workplace::new().run(&[command, "--help"]);
        help.code(0);
        let (_, examples) = help.out.split_once("Examples:\n").unwrap();
        let (examples, _) = examples.split_once("\n\n").unwrap();
        // Long ones are wrapped.
        let examples = examples.split_whitespace().collect::<Vec<_>>().join(" ");
        for arguments in examples.split("mailseal ").filter(|one| !one.is_empty()) {
            let line = arguments.trim();
            // Going on with a run has tests of its own.
            if arguments.contains("--resume") {
                continue;
            }
            let place = as_in_the_examples();
            let words: Vec<&str> = line.split(' ').collect();
            place.run(&words).code(0);
            let out = words.windows(2).find(|pair| pair[0] == "-o").unwrap()[1];
            let sent = super::messages(
                &place,
                &format!("{out}/data/{}", words[1].trim_end_matches('/')),
            );
            assert!(!sent.is_empty(), "{line}");
            tried += 1;
        }
    }
    assert!(tried >= 8, "{tried}");
}
