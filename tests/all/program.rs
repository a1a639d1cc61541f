//! The built program and what it is tried on: a place to work in, archives made to order, reports to compare.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use mailseal::asn1::oid;
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::X509;
use serde_json::Value;
use tempfile::TempDir;

use super::pki::authority::{Party, Revoked, Wanted, crl, key_usage};

/// A run that hangs is ended after this; nothing comes near it.
pub const HANG: Duration = Duration::from_secs(900);

/// The instant of most runs: every certificate is valid then, and whatever was signed today was signed before.
pub const AT: &str = "--at=2040-01-01";

/// The same in seconds since 1970.
const AT_UNIX: i64 = 2_208_988_800;

/// The built program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mailseal");

/// The user who may do nothing.
const NOBODY: u32 = 65_534;

/// What is below `shared/` beside the project or above it, if it is there: archives and tools that are not the project's. Says so where it
/// is not.
pub fn shared(below: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here
        .ancestors()
        .map(|folder| folder.join("shared").join(below))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: no ../shared/{below}");
    }
    found
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It ended with this code.
    #[track_caller]
    pub fn code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// It failed, and said why in one line with all of these words.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> &Self {
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert!(self.err.starts_with("mailseal: "), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word}: {self:?}");
        }
        self
    }
}

/// A folder to work in.
pub struct Workplace {
    folder: TempDir,
}

impl Workplace {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    /// With anchors, CRLs and keys: `roots.pem`, `crls/`, `keys/`, `passwords.txt`.
    pub fn with_pki() -> Self {
        let place = Self::new();
        place.write("roots.pem", pem("CERTIFICATE", &TEAM.root_der));
        place.write("crls/root.crl", pem("X509 CRL", &TEAM.crl));
        let keys = place.write("keys/alice.p12", &TEAM.key_file);
        fs::set_permissions(keys, fs::Permissions::from_mode(0o600)).unwrap();
        place.write("passwords.txt", "wrong\nsesame\n");
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, its folders too.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The program with its arguments, to be changed further; its working folder is this one.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(self.path())
            .timeout(HANG);
        command
    }

    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        ended(&mut self.command(arguments))
    }

    /// The program as a user without rights, to whom this folder is open. Who is no root is that already. None, and a line that says so,
    /// where root may not become somebody else.
    pub fn command_without_rights(&self) -> Option<Command> {
        if !rustix::process::geteuid().is_root() {
            let mut command = Command::new(PROGRAM);
            command.current_dir(self.path());
            return Some(command);
        }
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o777)).unwrap();
        // The folder of the build may be closed to others.
        let program = self.join("program-for-others");
        if !program.exists() {
            fs::hard_link(PROGRAM, &program)
                .or_else(|_| fs::copy(PROGRAM, &program).map(|_| ()))
                .unwrap();
        }
        let as_nobody = || {
            let mut command = Command::new(&program);
            command.current_dir(self.path()).uid(NOBODY).gid(NOBODY);
            command
        };
        match as_nobody().arg("--version").stdout(Stdio::null()).status() {
            Ok(status) if status.success() => Some(as_nobody()),
            Ok(_) | Err(_) => {
                eprintln!("skipped: root can't start the program as another user here");
                None
            }
        }
    }

    /// Leaves what a run (`audit ARCHIVE -o REPORT -q`, at [`AT`]) leaves that died after its last fact, before its report had its name.
    pub fn leave_partial(&self, archive: &str, report: &str) {
        let arguments = ["audit", archive, "-o", report, "-q", AT];
        self.run(&arguments).code(0);
        self.made_partial(&arguments, report);
    }

    /// The same of a run that read standard input.
    pub fn leave_partial_of_standard_input(&self, report: &str) {
        let arguments = ["audit", "-", "-o", report, "-q", AT];
        ended(self.command(&arguments).write_stdin(mbox(&small_mails()))).code(0);
        self.made_partial(&arguments, report);
    }

    fn made_partial(&self, arguments: &[&str], report: &str) {
        let partial = format!("{report}.partial");
        fs::rename(self.join(report), self.join(&partial)).unwrap();
        let text = format!(
            "mailseal resume 1\0{}\0{AT_UNIX}\0mailseal\0{}",
            self.path().display(),
            arguments.join("\0")
        );
        self.write(format!("{partial}/resume.args"), text);
    }

    /// Names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        names(self.path())
    }

    /// The bytes of a report's files by name, but for `run.json`.
    pub fn report(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = self.join(name);
        let mut files: BTreeMap<_, _> = names(&folder)
            .into_iter()
            .map(|name| (name.clone(), fs::read(folder.join(&name)).unwrap()))
            .collect();
        assert!(files.remove("run.json").is_some(), "{name} has no run.json");
        assert!(files.len() >= 10, "{name} has {:?}", files.keys());
        files
    }

    /// The two reports are the same, all but `run.json`.
    #[track_caller]
    pub fn assert_same(&self, one: &str, other: &str) {
        self.assert_is(other, &self.report(one), one);
    }

    /// The report has these files and no others, all but `run.json`.
    #[track_caller]
    pub fn assert_is(&self, report: &str, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
        let seen = self.report(report);
        assert!(
            expected.keys().eq(seen.keys()),
            "{what} has {:?}, {report} has {:?}",
            expected.keys(),
            seen.keys()
        );
        let differing: Vec<_> = expected
            .iter()
            .filter(|(name, bytes)| seen[*name] != **bytes)
            .map(|(name, _)| name)
            .collect();
        assert!(
            differing.is_empty(),
            "{what} and {report} differ in {differing:?}"
        );
    }

    /// `messages.jsonl`.
    pub fn messages(&self, report: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.join(report).join("messages.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// `summary.json`.
    pub fn summary(&self, report: &str) -> Value {
        serde_json::from_slice(&fs::read(self.join(report).join("summary.json")).unwrap()).unwrap()
    }

    /// The rows of a table, by column name.
    pub fn table(&self, report: &str, name: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.join(report).join(name)).unwrap();
        reader.deserialize().map(Result::unwrap).collect()
    }
}

pub fn ended(command: &mut assert_cmd::Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The codes of a message's findings.
pub fn findings(message: &Value) -> Vec<&str> {
    let findings = message["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// One authority, and Alice, whose key is in a file with the password `sesame`.
pub struct Team {
    pub root: Party,
    pub root_der: Vec<u8>,
    pub crl: Vec<u8>,
    pub alice: Party,
    pub alice_der: Vec<u8>,
    pub key_file: Vec<u8>,
}

/// Days from 2020 to 2047.
const DAYS: (i64, i64) = (0, 10_000);

pub static TEAM: LazyLock<Team> = LazyLock::new(|| {
    let (root, alice) = (Party::new("Root"), Party::new("Alice"));
    let root_der = Wanted::ca(&root, 1).days(DAYS.0, DAYS.1).by(&root);
    let alice_der = Wanted::signer(&alice, 2, "alice@example.com")
        .with(oid::KEY_USAGE, true, key_usage(&[0, 4]))
        .days(DAYS.0, DAYS.1)
        .by(&root);
    let key_file = openssl::pkcs12::Pkcs12::builder()
        .name("alice")
        .pkey(&alice.key)
        .cert(&X509::from_der(&alice_der).unwrap())
        .build2("sesame")
        .unwrap()
        .to_der()
        .unwrap();
    let crl = crl(&root, DAYS, &[Revoked::new(77, 10, None)], &[]);
    Team {
        root,
        root_der,
        crl,
        alice,
        alice_der,
        key_file,
    }
});

pub fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}-----END {label}-----\n",
        base64(der, 64)
    )
}

/// Base64 in lines of this length, each with a line end.
pub fn base64(bytes: &[u8], line: usize) -> String {
    let text = openssl::base64::encode_block(bytes);
    let mut out = String::with_capacity(text.len() + text.len() / line + 2);
    for chunk in text.as_bytes().chunks(line) {
        out.push_str(std::str::from_utf8(chunk).unwrap());
        out.push('\n');
    }
    out
}

/// A CMS SignedData by Alice, with her certificate.
pub fn sign(content: &[u8], detached: bool) -> Vec<u8> {
    let certificate = X509::from_der(&TEAM.alice_der).unwrap();
    let mut options = CMSOptions::BINARY;
    if detached {
        options |= CMSOptions::DETACHED;
    }
    CmsContentInfo::sign(
        Some(&certificate),
        Some(&TEAM.alice.key),
        None,
        Some(content),
        options,
    )
    .unwrap()
    .to_der()
    .unwrap()
}

/// A CMS EnvelopedData for Alice.
pub fn encrypt(content: &[u8]) -> Vec<u8> {
    let mut recipients = Stack::new().unwrap();
    recipients
        .push(X509::from_der(&TEAM.alice_der).unwrap())
        .unwrap();
    CmsContentInfo::encrypt(
        &recipients,
        content,
        Cipher::aes_256_cbc(),
        CMSOptions::BINARY,
    )
    .unwrap()
    .to_der()
    .unwrap()
}

/// The header of a mail by Alice, up to its MIME fields; line ends LF.
pub fn header(id: &str) -> String {
    format!(
        "From: Alice <alice@example.com>\nTo: bob@example.com\nSubject: about {id}\n\
         Date: Mon, 01 Jun 2026 12:00:00 +0000\nMessage-ID: <{id}@example.com>\nMIME-Version: 1.0\n"
    )
}

/// An unsigned mail.
pub fn plain(id: &str, text: &str) -> String {
    format!("{}Content-Type: text/plain\n\n{text}\n", header(id))
}

/// The entity that mails of this module sign or encrypt; line ends CR LF.
pub fn entity(text: &str) -> String {
    format!("Content-Type: text/plain\n\n{text}\n").replace('\n', "\r\n")
}

/// multipart/signed, line ends LF.
pub fn signed(id: &str, text: &str) -> String {
    let entity = entity(text);
    let signature = sign(entity.as_bytes(), true);
    signed_with(id, &entity, &base64(&signature, 64))
}

/// multipart/signed with this signature part.
pub fn signed_with(id: &str, entity: &str, signature: &str) -> String {
    format!(
        "{}Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256;\n boundary=\"b-{id}\"\n\n\
         --b-{id}\n{}\n--b-{id}\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\
         Content-Transfer-Encoding: base64\n\n{signature}--b-{id}--\n",
        header(id),
        entity.replace("\r\n", "\n")
    )
}

/// application/pkcs7-mime around these bytes.
pub fn pkcs7_mime(id: &str, smime_type: &str, der: &[u8]) -> String {
    format!(
        "{}Content-Type: application/pkcs7-mime; smime-type={smime_type}; name=smime.p7m\n\
         Content-Transfer-Encoding: base64\n\n{}",
        header(id),
        base64(der, 64)
    )
}

/// An opaque signed mail.
pub fn opaque(id: &str, text: &str) -> String {
    pkcs7_mime(id, "signed-data", &sign(entity(text).as_bytes(), false))
}

/// An encrypted mail.
pub fn encrypted(id: &str, text: &str) -> String {
    pkcs7_mime(id, "enveloped-data", &encrypt(entity(text).as_bytes()))
}

/// Mails as an mbox.
pub fn mbox<T: AsRef<[u8]>>(mails: &[T]) -> Vec<u8> {
    let mut mbox = Vec::new();
    for mail in mails {
        mbox.extend_from_slice(b"From a@b Thu Jan  1 00:00:00 2015\n");
        mbox.extend_from_slice(mail.as_ref());
        mbox.push(b'\n');
    }
    mbox
}

/// A few mails of every kind that this module makes.
pub fn small_mails() -> Vec<String> {
    vec![
        plain("1", "hello"),
        signed("2", "detached"),
        opaque("3", "opaque"),
        encrypted("4", "secret"),
        signed("5", "as it was signed").replace("as it was signed", "as it was not"),
        plain("6", "bye"),
    ]
}

/// Text that does not compress to nothing: as many bytes as asked for, in lines, always the same for a seed.
pub fn noise(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(bytes + 80);
    while text.len() < bytes {
        for _ in 0..64 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push(char::from(
                b"abcdefghijklmnopqrstuvwxyz012345"[(state >> 32) as usize % 32],
            ));
        }
        text.push('\n');
    }
    text
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}
