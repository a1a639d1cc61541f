//! `README.md` of the samples.

use std::fmt::Write;

use crate::samples::Sample;

const HEAD: &str = "\
# Sample mail

Small messages of every kind, each with its expected record beside it (`NAME.expected.jsonl`): what `mailseal audit` writes to
`messages.jsonl` for it. They are for trying the program, and for its tests (`tests/all/samples.rs`).

    mailseal audit sample-mail -o report --ca sample-mail/keys/root.pem --crl sample-mail/keys/crls.pem \\
        --keys sample-mail/keys --passwords sample-mail/keys/password --at 2025-06-01

`--at` sets the clock that the records were made at; without it they differ once certificates expire, from 2030 on. This file,
the keys and the expected records are no mail: `inputs.csv` lists them as `other`.

**Origin and licence.** Nobody ever sent these messages. The project's generator (`tests/generator/samples/`) wrote all of them
with its own keys, and the files in `keys/`; the two PKCS #12 files went through OpenSSL's `pkcs12` program. They are dedicated to
the public domain (CC0 1.0). Keys and passwords are public, and protect nothing.

    cargo run --example make-samples -- sample-mail verify/altered    # makes one anew; without a name all of them
    MAILSEAL_BLESS=1 cargo test --test all samples                    # writes expected records anew: read the diff

Samples are stored with CR LF unless they say otherwise. Signatures are by Alice unless the name says otherwise; her certificate's
issuer is in `keys/`, and left out of most messages.
";

pub fn text(samples: &[Sample]) -> String {
    let mut text = HEAD.to_owned();
    let mut group = "";
    for sample in samples {
        let folder = sample.name.split('/').next().unwrap_or_default();
        if folder != group {
            group = folder;
            let _ = write!(text, "\n## {folder}\n\n| file | shows |\n|---|---|\n");
        }
        let name = &sample.name[folder.len() + 1..];
        let _ = writeln!(text, "| `{name}` | {} |", sample.shows);
    }
    text
}
