//! What `mailseal sign` and `mailseal encrypt` write, held against other programs: OpenSSL, gpgsm, NSS and Python, where they are
//! installed. Prints the table of the README; whoever was known to read an output must still read it.
//!
//! More than 600 lines because each program is set up and asked in its own way.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::key_transport::RsaTransport;
use mailseal::limits::Limits;
use mailseal::mime::Tree;
use mailseal::mime::transfer;
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::pkey::PKey;
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use crate::program::{Workplace, pem};
use crate::toolkit::certificates::{Holder, Wanted};
use crate::toolkit::keys;
use crate::toolkit::mail::{self, Headers};
use crate::toolkit::people;

const TEXT: &str = "Gr\u{fc}\u{df}e aus dem Norden. From here to there,\r\n.and a dot.\r\n";

/// The programs, in the order of the table: the linked OpenSSL's CMS, which `mailseal` never calls, and what is installed.
const READERS: [&str; 5] = [
    "OpenSSL 3.6",
    "OpenSSL 3.0",
    "gpgsm 2.2",
    "NSS 3.87",
    "Python",
];

/// Signers: name in the table, local part, key.
const SIGNERS: [(&str, &str, &str); 4] = [
    ("RSA", "srsa", "rsa2048-3"),
    ("ECDSA P-256", "sp256", "p256-1"),
    ("ECDSA P-384", "sp384", "p384-1"),
    ("Ed25519", "sed", "ed25519-1"),
];

/// Recipients: name in the table, local part, key, digest of RSAES-OAEP that their certificate announces.
const RECIPIENTS: [(&str, &str, &str, Option<DigestAlgorithm>); 7] = [
    ("RSA v1.5", "rrsa", "rsa2048-4", None),
    (
        "RSA-OAEP SHA-256",
        "roaep256",
        "rsa2048-5",
        Some(DigestAlgorithm::Sha256),
    ),
    (
        "RSA-OAEP SHA-1",
        "roaep1",
        "rsa2048-6",
        Some(DigestAlgorithm::Sha1),
    ),
    ("ECDH P-256", "rp256", "p256-2", None),
    ("ECDH P-384", "rp384", "p384-2", None),
    ("ECDH P-521", "rp521", "p521-1", None),
    ("ECDH X25519", "rx25519", "x25519-1", None),
];

struct Cast {
    signers: Vec<Holder>,
    recipients: Vec<Holder>,
}

fn cast() -> Cast {
    let address = |local: &str| format!("{local}@example.com");
    let signers = SIGNERS.iter().enumerate().map(|(number, (_, local, key))| {
        people::issued(
            local,
            key,
            &Wanted::mail(8000 + number as u64, &address(local)),
        )
    });
    let recipients = RECIPIENTS
        .iter()
        .enumerate()
        .map(|(number, (_, local, key, oaep))| {
            let mut wanted = Wanted::mail(8100 + number as u64, &address(local));
            if let Some(digest) = oaep {
                let list = Writer::encode(|w| {
                    w.sequence(|w| {
                        w.raw(
                            &RsaTransport::Oaep {
                                digest: *digest,
                                mgf_digest: *digest,
                                label: Vec::new(),
                            }
                            .algorithm(),
                        );
                    });
                });
                wanted = wanted.with((oid::SMIME_CAPABILITIES, false, list));
            }
            people::issued(local, key, &wanted)
        });
    Cast {
        signers: signers.collect(),
        recipients: recipients.collect(),
    }
}

/// What an output is, from the outside in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Signed,
    Encrypted,
}

/// A line of the table.
struct Output {
    name: String,
    layers: Vec<Layer>,
    /// The whole message.
    message: Vec<u8>,
    /// Index of the recipient who opens it.
    recipient: usize,
}

/// A place with a store, the keys of the signers and mail for everybody.
fn place(cast: &Cast) -> Workplace {
    let place = Workplace::new();
    place.write("root.pem", pem("CERTIFICATE", &people::root().certificate));
    place.write(
        "between.pem",
        pem("CERTIFICATE", &people::authority().certificate),
    );
    for (holder, (_, local, _)) in cast.signers.iter().zip(SIGNERS) {
        let key = place.write(format!("keys/{local}.key"), keys::pkcs8(holder.key()));
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
        place.write(format!("keys/{local}.cer"), &holder.certificate);
    }
    let mut all = String::new();
    for holder in &cast.recipients {
        all.push_str(&pem("CERTIFICATE", &holder.certificate));
    }
    place.write("people.pem", all);
    let store = ["--store=store.db", "root.pem", "between.pem", "people.pem"];
    place.run(&[&["store", "add"], &store[..]].concat()).code(0);
    let root = people::root().sha256();
    let root: String = root.iter().map(|octet| format!("{octet:02x}")).collect();
    place
        .run(&["store", "trust", "--store=store.db", &root])
        .code(0);
    for (number, (_, local, _)) in SIGNERS.iter().enumerate() {
        letter(&place, &format!("sign/{number}.eml"), local, "rrsa");
    }
    for (number, (_, local, _, _)) in RECIPIENTS.iter().enumerate() {
        letter(&place, &format!("encrypt/{number}.eml"), "srsa", local);
    }
    letter(&place, "both/0.eml", "srsa", "rrsa");
    place
}

fn letter(place: &Workplace, name: &str, from: &str, to: &str) {
    let headers = Headers::new(&format!("{from}@example.com"), "Hello", people::SENT_DATE)
        .set("To", &format!("{to}@example.com"));
    let entity = [
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            .as_slice(),
        TEXT.as_bytes(),
    ]
    .concat();
    place.write(name, mail::message(&headers, &entity));
}

/// Runs the program over a folder; the messages that it wrote, by name.
fn written(place: &Workplace, arguments: &[&str], folder: &str) -> BTreeMap<String, Vec<u8>> {
    let at = format!("--at={}", jiff::Timestamp::now());
    let common = [
        folder,
        "-o",
        "out",
        "--force",
        "--keys=keys",
        "--store=store.db",
        &at,
    ];
    let ran = place.run(&[arguments, &common[..]].concat());
    ran.code(0);
    let data = place.join("out/data");
    let mut found = BTreeMap::new();
    let mut open = vec![data];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn outputs(place: &Workplace) -> Vec<Output> {
    let mut all = Vec::new();
    for (form, option) in [("detached", "--detached"), ("opaque", "--opaque")] {
        for pss in [false, true] {
            let mut arguments = vec!["sign", option];
            arguments.extend(pss.then_some("--pss"));
            for (number, message) in written(place, &arguments, "sign") {
                let (name, local, _) = SIGNERS[number.parse::<usize>().unwrap()];
                if pss && local != "srsa" {
                    continue;
                }
                let name = match (local, pss) {
                    ("srsa", true) => "RSA-PSS",
                    ("srsa", false) => "RSA v1.5",
                    _ => name,
                };
                all.push(Output {
                    name: format!("signed {form}, {name}"),
                    layers: vec![Layer::Signed],
                    message,
                    recipient: 0,
                });
            }
        }
    }
    for cipher in ["aes-128-cbc", "aes-256-cbc", "aes-256-gcm"] {
        let option = format!("--cipher={cipher}");
        for (number, message) in written(place, &["encrypt", "--no-to-self", &option], "encrypt") {
            let recipient: usize = number.parse().unwrap();
            all.push(Output {
                name: format!("{}, {}", cipher.to_uppercase(), RECIPIENTS[recipient].0),
                layers: vec![Layer::Encrypted],
                message,
                recipient,
            });
        }
    }
    let (signed, encrypted) = (Layer::Signed, Layer::Encrypted);
    for (name, options, layers) in [
        (
            "signed, then encrypted",
            &["--sign"][..],
            vec![encrypted, signed],
        ),
        (
            "signed opaque, then encrypted",
            &["--sign", "--opaque"],
            vec![encrypted, signed],
        ),
        (
            "the same with protected header fields",
            &["--sign", "--protect-headers"],
            vec![encrypted, signed],
        ),
        (
            "triple wrap",
            &["--triple"],
            vec![signed, encrypted, signed],
        ),
    ] {
        let options = [
            &["encrypt", "--no-to-self", "--cipher=aes-256-cbc"],
            options,
        ]
        .concat();
        let mut made = written(place, &options, "both");
        all.push(Output {
            name: name.to_owned(),
            layers,
            message: made.remove("0").unwrap(),
            recipient: 0,
        });
    }
    all
}

/// The CMS of a message or entity, and the content beside it, where there is one.
fn parts(message: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let tree = Tree::read(message, &Limits::default());
    if tree.parts[0].media.essence == "multipart/signed" {
        let [content, signature] = tree.parts[0].children[..] else {
            panic!("{:?}", tree.parts);
        };
        let content = tree.slice(&tree.parts[content].entity).to_vec();
        return (
            transfer::decode(&tree, signature).bytes.into_owned(),
            Some(content),
        );
    }
    (transfer::decode(&tree, 0).bytes.into_owned(), None)
}

/// A program that reads S/MIME, set up in a folder.
struct Reader {
    name: &'static str,
    version: String,
    folder: PathBuf,
}

fn run(folder: &Path, program: &str, arguments: &[&str], input: Option<&str>) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("GNUPGHOME", folder.join("gnupg"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    {
        use std::io::Write;
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
    }
    let ended = child.wait_with_output().ok()?;
    if !ended.status.success() && std::env::var_os("MAILSEAL_READERS").is_some() {
        eprintln!(
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }
    ended.status.success().then_some(ended.stdout)
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

impl Reader {
    /// Sets a program up with the root and the recipients' keys; None where it is not installed.
    fn set_up(name: &'static str, cast: &Cast, folder: &Path) -> Option<Self> {
        let version = match name {
            "OpenSSL 3.6" => openssl::version::version().as_bytes().to_vec(),
            "OpenSSL 3.0" => run(folder, "openssl", &["version"], None)?,
            "gpgsm 2.2" => run(folder, "gpgsm", &["--version"], None)?,
            // It tells none.
            "NSS 3.87" => {
                run(
                    folder,
                    "certutil",
                    &words("-N -d sql:. --empty-password"),
                    None,
                )?;
                b"NSS cmsutil".to_vec()
            }
            _ => run(
                folder,
                "python3",
                &[
                    "-c",
                    "import cryptography; print('cryptography', cryptography.__version__)",
                ],
                None,
            )?,
        };
        let version = String::from_utf8_lossy(&version).lines().next()?.to_owned();
        let people = [people::root(), people::authority()];
        for (file, holder) in ["root.pem", "between.pem"].iter().zip(people) {
            fs::write(folder.join(file), pem("CERTIFICATE", &holder.certificate)).unwrap();
        }
        for (number, holder) in cast.recipients.iter().enumerate() {
            let (key, own) = (format!("{number}.key"), format!("{number}.pem"));
            fs::write(
                folder.join(&key),
                pem("PRIVATE KEY", &keys::pkcs8(holder.key())),
            )
            .unwrap();
            fs::write(folder.join(&own), pem("CERTIFICATE", &holder.certificate)).unwrap();
            // What all of them can import.
            let p12 = format!(
                "pkcs12 -export -inkey {key} -in {own} -out {number}.p12 -passout pass:x -macalg sha1 -keypbe PBE-SHA1-3DES \
                 -certpbe PBE-SHA1-3DES -name n{number}"
            );
            run(folder, "openssl", &words(&p12), None);
        }
        match name {
            "NSS 3.87" => {
                for (nick, trust, file) in [
                    ("root", "C,C,C", "root.pem"),
                    ("between", ",,", "between.pem"),
                ] {
                    run(
                        folder,
                        "certutil",
                        &[
                            "-A", "-d", "sql:.", "-n", nick, "-t", trust, "-a", "-i", file,
                        ],
                        None,
                    )?;
                }
                for number in 0..RECIPIENTS.len() {
                    let import = format!("-i {number}.p12 -d sql:. -W x -K ");
                    run(
                        folder,
                        "pk12util",
                        &import.split(' ').collect::<Vec<_>>(),
                        None,
                    );
                }
            }
            "gpgsm 2.2" => set_up_gpgsm(folder),
            _ => {}
        }
        Some(Self {
            name,
            version,
            folder: folder.to_owned(),
        })
    }

    /// Takes off one layer: what is in it, where the program accepts it.
    fn take_off(&self, layer: Layer, message: &[u8], recipient: usize) -> Option<Vec<u8>> {
        let (der, content) = parts(message);
        let folder = self.folder.as_path();
        fs::write(folder.join("in.eml"), message).unwrap();
        fs::write(folder.join("in.der"), der).unwrap();
        let is_detached = content.is_some();
        if let Some(content) = &content {
            fs::write(folder.join("content"), content).unwrap();
        }
        let _ = fs::remove_file(folder.join("out"));
        let out = || fs::read(folder.join("out")).ok();
        // Of what is signed OpenSSL makes CR LF line ends, as the mail may be stored with others.
        let openssl = "cms -in in.eml -inform SMIME -out out";
        match (self.name, layer) {
            ("OpenSSL 3.6", layer) => self.linked(layer, recipient, content),
            ("OpenSSL 3.0", Layer::Signed) => {
                let line = format!("{openssl} -verify -CAfile root.pem -purpose smimesign");
                run(folder, "openssl", &words(&line), None)?;
                out()
            }
            ("OpenSSL 3.0", Layer::Encrypted) => {
                let line = format!(
                    "{openssl} -binary -decrypt -inkey {recipient}.key -recip {recipient}.pem"
                );
                run(folder, "openssl", &words(&line), None)?;
                out()
            }
            ("gpgsm 2.2", Layer::Signed) => {
                let line = format!("{GPGSM} --verify in.der");
                let line = match is_detached {
                    true => format!("{line} content"),
                    false => format!("{GPGSM} --output out --verify in.der"),
                };
                run(folder, "gpgsm", &words(&line), None)?;
                content.or_else(out)
            }
            ("gpgsm 2.2", Layer::Encrypted) => {
                let line = format!(
                    "{GPGSM} --pinentry-mode loopback --passphrase-fd 0 --output out --decrypt in.der"
                );
                run(folder, "gpgsm", &words(&line), Some("x\n"))?;
                out()
            }
            ("NSS 3.87", layer) => {
                let mut line = words("-D -d sql:. -i in.der -o out");
                if is_detached {
                    line.extend(["-c", "content"]);
                }
                if layer == Layer::Signed {
                    line.extend(["-u", "4"]);
                }
                run(folder, "cmsutil", &line, None)?;
                content.or_else(out)
            }
            ("Python", Layer::Encrypted) => {
                let script = format!(
                    "from cryptography import x509\n\
                     from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs7\n\
                     key = load_pem_private_key(open('{recipient}.key', 'rb').read(), None)\n\
                     cert = x509.load_pem_x509_certificate(open('{recipient}.pem', 'rb').read())\n\
                     open('out', 'wb').write(pkcs7.pkcs7_decrypt_der(open('in.der', 'rb').read(), cert, key, []))\n"
                );
                run(folder, "python3", &["-c", &script], None)?;
                out()
            }
            _ => None,
        }
    }

    /// The same by the linked OpenSSL.
    fn linked(&self, layer: Layer, recipient: usize, content: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let read = |name: &str| fs::read(self.folder.join(name)).unwrap();
        let mut cms = CmsContentInfo::from_der(&read("in.der")).ok()?;
        if layer == Layer::Encrypted {
            let key = PKey::private_key_from_pem(&read(&format!("{recipient}.key"))).unwrap();
            let own = X509::from_pem(&read(&format!("{recipient}.pem"))).unwrap();
            return cms.decrypt(&key, &own).ok();
        }
        let mut store = X509StoreBuilder::new().unwrap();
        store
            .add_cert(X509::from_pem(&read("root.pem")).unwrap())
            .unwrap();
        let mut out = Vec::new();
        let flags = CMSOptions::BINARY;
        let detached = content.as_deref();
        cms.verify(None, Some(&store.build()), detached, Some(&mut out), flags)
            .ok()?;
        content.or(Some(out))
    }

    /// Takes off all layers; what is left must be the text.
    fn reads(&self, output: &Output) -> bool {
        let mut message = output.message.clone();
        for layer in &output.layers {
            match self.take_off(*layer, &message, output.recipient) {
                Some(inner) => message = inner,
                None => return false,
            }
        }
        let tree = Tree::read(&message, &Limits::default());
        let text = transfer::decode(&tree, 0).bytes;
        let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
        text.trim_end() == TEXT.replace("\r\n", "\n").trim_end()
    }
}

const GPGSM: &str =
    "--batch --yes --disable-crl-checks --disable-policy-checks --no-common-certs-import";

fn set_up_gpgsm(folder: &Path) {
    let home = folder.join("gnupg");
    fs::create_dir_all(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(home.join("gpg-agent.conf"), "allow-loopback-pinentry\n").unwrap();
    let root = mailseal::crypto::digest::sha1(&people::root().certificate);
    let root: String = root.iter().map(|octet| format!("{octet:02X}")).collect();
    fs::write(home.join("trustlist.txt"), format!("{root} S relax\n")).unwrap();
    for file in ["root.pem", "between.pem"] {
        run(
            folder,
            "gpgsm",
            &words(&format!("{GPGSM} --import {file}")),
            None,
        );
    }
    // What it makes of a key on a curve depends on the moment: it is killed, or goes on without any key.
    for number in RSA_RECIPIENTS {
        let line =
            format!("{GPGSM} --pinentry-mode loopback --passphrase-fd 0 --import {number}.p12");
        run(folder, "gpgsm", &words(&line), Some("x\n"));
    }
}

/// gpgsm leaves an agent behind, which holds the folder.
fn end_agent(folder: &Path) {
    run(folder, "gpgconf", &["--kill", "all"], None);
}

/// Those of [`RECIPIENTS`] with RSA keys.
const RSA_RECIPIENTS: std::ops::Range<usize> = 0..3;

const BEGIN: &str = "<!-- readers -->\n";
const END: &str = "<!-- end of readers -->\n";

#[test]
fn h_02_what_is_sent_is_read_by_other_programs() {
    let cast = cast();
    let place = place(&cast);
    let outputs = outputs(&place);
    assert_eq!(outputs.len(), 10 + 21 + 4);
    let folder = tempfile::tempdir().unwrap();
    let readers: Vec<Option<Reader>> = READERS
        .iter()
        .map(|name| {
            let own = folder.path().join(name);
            fs::create_dir_all(&own).unwrap();
            let reader = Reader::set_up(name, &cast, &own);
            match &reader {
                Some(reader) => println!("{name}: {}", reader.version),
                None => println!("{name}: not installed"),
            }
            reader
        })
        .collect();
    let mut table = format!(
        "| what is sent | {} |\n|---|{}\n",
        READERS.join(" | "),
        "---|".repeat(READERS.len())
    );
    for output in &outputs {
        table.push_str(&format!("| {} |", output.name));
        for reader in &readers {
            let is_python_signature =
                |reader: &Reader| reader.name == "Python" && output.layers.contains(&Layer::Signed);
            table.push_str(match reader {
                None => " not tried |",
                // It verifies no CMS.
                Some(reader) if is_python_signature(reader) => " – |",
                Some(reader) if reader.reads(output) => " yes |",
                Some(_) => " no |",
            });
        }
        table.push('\n');
    }
    end_agent(&folder.path().join("gpgsm 2.2"));
    println!("{table}");
    let readme_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&readme_path).unwrap();
    let start = readme
        .find(BEGIN)
        .expect("the README has a place for the table")
        + BEGIN.len();
    let end = readme.find(END).unwrap();
    if std::env::var_os("MAILSEAL_BLESS").is_some() {
        let blessed = [&readme[..start], "\n", &table, "\n", &readme[end..]].concat();
        fs::write(readme_path, blessed).unwrap();
        return;
    }
    let cells = |text: &str| -> BTreeMap<String, Vec<String>> {
        text.lines()
            .filter(|line| line.starts_with("| "))
            .map(|line| {
                let mut cells = line.split('|').skip(1).map(|cell| cell.trim().to_owned());
                (cells.next().unwrap(), cells.collect())
            })
            .collect()
    };
    let (known, now) = (cells(&readme[start..end]), cells(&table));
    assert_eq!(
        known.keys().collect::<Vec<_>>(),
        now.keys().collect::<Vec<_>>(),
        "the README has other lines"
    );
    for (name, known) in &known {
        for (index, reader) in READERS.iter().enumerate() {
            let lost = known[index] == "yes" && now[name][index] == "no";
            assert!(!lost, "{reader} does not read any more: {name}");
        }
    }
    // The linked OpenSSL is always there, and reads all but X25519, which its CMS can't.
    let is_asked = |name: &str| name != "what is sent" && !name.contains("X25519");
    for (name, cells) in now.iter().filter(|(name, _)| is_asked(name)) {
        assert_eq!(cells[0], "yes", "{name}");
    }
}
