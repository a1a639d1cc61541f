//! Keys, passwords and plaintext: where they may be seen and where not (catalogue rows D-23 to D-28).

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mailseal::archive::Cursor;
use mailseal::facts::store::{Block, Kind, Reader};

use super::program::{
    AT, HANG, PROGRAM, TEAM, Workplace, encrypted, ended, mbox, pem, signed, small_mails,
};

mod terminal;

const KEYS: [&str; 4] = ["--keys", "keys", "--passwords", "passwords.txt"];

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}

/// What a facts file says, uncompressed.
fn facts_text(path: &Path) -> String {
    let (mut reader, head) = Reader::open(File::open(path).unwrap()).unwrap();
    let mut text = format!("{head:?}");
    while let Some(frame) = reader.next_frame().unwrap() {
        if frame.kind == Kind::Block {
            text.push_str(&format!("{:?}", frame.decode::<Block<Cursor>>().unwrap()));
        }
    }
    assert!(text.contains("alice@example.com"), "{text}");
    text
}

/// The secret is in no file below the folder, and not in the facts.
fn assert_nowhere(folder: &Path, secret: &str) {
    let mut facts = 0;
    for path in files_below(folder) {
        let bytes = fs::read(&path).unwrap();
        let found = memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
        assert!(!found, "{secret} is in {}", path.display());
        if path.ends_with("facts.bin.zst") {
            assert!(
                !facts_text(&path).contains(secret),
                "{secret} is in the facts"
            );
            facts += 1;
        }
    }
    assert!(facts > 0, "no facts were looked at");
}

#[test]
fn d_23_files_are_0600_and_folders_0700_whatever_the_umask() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&small_mails()));
    for umask in ["0000", "0022", "0077", "0277", "0777"] {
        let report = format!("report-{umask}");
        let judged = format!("judged-{umask}");
        for arguments in [
            vec!["audit", "a.mbox", "-o", &report, "-q", AT],
            vec!["judge", &report, "-o", &judged, "-q", AT],
        ] {
            let mut shell = assert_cmd::Command::new("sh");
            shell
                .args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), PROGRAM])
                .args(&arguments)
                .current_dir(place.path());
            ended(&mut shell).code(0);
        }
        for folder in [&report, &judged] {
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode(&place.join(folder)), 0o700, "{folder}");
            let files = files_below(&place.join(folder));
            assert!(files.len() >= 11, "{files:?}");
            for file in files {
                assert_eq!(mode(&file), 0o600, "{}", file.display());
            }
        }
    }
    place.leave_partial("a.mbox", "again");
    place.run(&["audit", "--resume", "again.partial"]).code(0);
    for file in files_below(&place.join("again")) {
        assert_eq!(
            fs::metadata(&file).unwrap().mode() & 0o777,
            0o600,
            "{}",
            file.display()
        );
    }
}

#[test]
fn d_23_plaintext_is_written_nowhere() {
    let place = Workplace::with_pki();
    let words = [
        "plain-canary-of-the-text",
        "plain-canary-of-the-signed-text",
    ];
    let inner = signed("inner", words[1]);
    let (_, body) = inner.split_once("MIME-Version: 1.0\n").unwrap();
    let triple = super::program::pkcs7_mime(
        "3",
        "enveloped-data",
        &super::program::encrypt(body.replace('\n', "\r\n").as_bytes()),
    );
    place.write("a.mbox", mbox(&[encrypted("1", words[0]), triple]));
    fs::create_dir(place.join("tmp")).unwrap();
    for options in [&[][..], &["--all", "--subjects", "--hash-inputs"]] {
        let arguments = [
            &["audit", "a.mbox", "-o", "report", "--force", AT][..],
            &KEYS,
            options,
        ]
        .concat();
        let mut command = place.command(&arguments);
        let ran = ended(command.env("TMPDIR", place.join("tmp")));
        ran.code(0);
        for message in place.messages("report") {
            assert_eq!(message["decryption"], "decrypted");
        }
        for word in words {
            assert_nowhere(&place.join("report"), word);
            assert!(!ran.out.contains(word) && !ran.err.contains(word));
        }
        assert_eq!(files_below(&place.join("tmp")), [] as [PathBuf; 0]);
    }
}

#[test]
fn d_23_key_files_that_others_can_read_are_warned_about_or_refused() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&small_mails()));
    let audit = |options: &[&str]| {
        let arguments = [
            &["audit", "a.mbox", "-o", "report", "-q", "--force", AT][..],
            &KEYS,
            options,
        ];
        place.run(&arguments.concat())
    };
    for (mode, open) in [
        (0o600, false),
        (0o400, false),
        (0o640, true),
        (0o604, true),
        (0o622, true),
    ] {
        fs::set_permissions(place.join("keys/alice.p12"), Permissions::from_mode(mode)).unwrap();
        let warned = audit(&[]);
        warned.code(0);
        if open {
            warned.says(&["keys/alice.p12: others can read this key file"]);
            audit(&["--strict-perms"]).code(5).says(&[
                "others can read this key file",
                "chmod 600",
                "--strict-perms",
            ]);
        } else {
            assert_eq!(warned.err, "", "{mode:o}");
            audit(&["--strict-perms"]).code(0);
        }
    }
    // Certificates are for everybody.
    place.write("keys/alice.crt", pem("CERTIFICATE", &TEAM.alice_der));
    fs::set_permissions(place.join("keys/alice.p12"), Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(place.join("keys/alice.crt"), Permissions::from_mode(0o644)).unwrap();
    audit(&["--strict-perms"]).code(0);
}

/// Mail that only the password opens, and a report of it.
fn opens(place: &Workplace, report: &str) {
    assert_eq!(place.messages(report)[0]["status"], "decrypted");
}

#[test]
fn d_24_passwords_come_from_a_file_or_a_descriptor() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&[encrypted("1", "text")]));
    place.write("crlf.txt", "wrong\r\nsesame\r\n");
    place.write("bare.txt", "sesame");
    place.write("wrong.txt", "wrong\n\n");
    let audit = [
        "audit", "a.mbox", "-o", "report", "-q", "--force", AT, "--keys", "keys",
    ];
    for file in ["passwords.txt", "crlf.txt", "bare.txt"] {
        place
            .run(&[&audit[..], &["--passwords", file]].concat())
            .code(0);
        opens(&place, "report");
        let mut shell = assert_cmd::Command::new("sh");
        shell
            .args(["-c", &format!("exec \"$0\" \"$@\" 7<{file}"), PROGRAM])
            .args(audit)
            .args(["--password-fd", "7"])
            .current_dir(place.path());
        ended(&mut shell).code(0);
        opens(&place, "report");
    }
    // A pipe is a descriptor, and both are tried.
    let both = [
        &audit[..],
        &["--passwords", "wrong.txt", "--password-fd", "0"],
    ]
    .concat();
    ended(place.command(&both).write_stdin("sesame\n")).code(0);
    opens(&place, "report");
    ended(place.command(&both).write_stdin("wrong as well\n"))
        .code(5)
        .says(&["keys/alice.p12: no password given opens it"]);
    place
        .run(&[&audit[..], &["--password-fd", "99"]].concat())
        .code(5)
        .says(&["99", "cannot be read"]);
    // On the command line there is no place for one.
    place
        .run(&[&audit[..], &["--password", "sesame"]].concat())
        .code(2);
}

/// A run that waits for its archive, as a user without rights where that is possible.
struct Waiting {
    child: Child,
}

impl Waiting {
    fn start(place: &Workplace) -> Self {
        for (name, mode) in [("keys", 0o777), ("keys/alice.p12", 0o644)] {
            fs::set_permissions(place.join(name), Permissions::from_mode(mode)).unwrap();
        }
        let mut command = place.command_without_rights().unwrap_or_else(|| {
            let mut command = Command::new(PROGRAM);
            command.current_dir(place.path());
            command
        });
        command
            .args(["audit", "-", "-o", "report", "-q", AT])
            .args(KEYS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let mut waiting = Self { child };
        let started = Instant::now();
        // It waits for the archive once it has read the keys and is set up to be interrupted.
        while !waiting.catches_interrupts() {
            assert!(started.elapsed() < HANG, "it hangs");
            assert!(waiting.child.try_wait().unwrap().is_none(), "it ended");
            thread::sleep(Duration::from_millis(1));
        }
        waiting
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }

    fn file(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn catches_interrupts(&self) -> bool {
        self.file("status")
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask >> 1 & 1 == 1)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn d_24_no_password_is_in_the_arguments_the_environment_or_any_output() {
    let place = Workplace::with_pki();
    let waiting = Waiting::start(&place);
    assert!(waiting.file("cmdline").contains("passwords.txt"));
    for name in ["cmdline", "environ"] {
        assert!(!waiting.file(name).contains("sesame"), "{name}");
    }
    drop(waiting);
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&small_mails()));
    let arguments = [&["audit", "a.mbox", "-o", "report", AT][..], &KEYS].concat();
    let ran = place.run(&arguments);
    ran.code(0);
    assert!(!ran.out.contains("sesame") && !ran.err.contains("sesame"));
    assert_nowhere(&place.join("report"), "sesame");
    place.run(&["judge", "report", "-o", "again", "-q"]).code(0);
    assert_nowhere(&place.join("again"), "sesame");
    // What a run leaves that died says where the passwords are, and not which.
    let partial = place.join("dead.partial");
    let arguments = [&["audit", "-", "-o", "dead", "-q"][..], &KEYS].concat();
    let mut child = Command::new(PROGRAM)
        .args(&arguments)
        .current_dir(place.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&mbox(&small_mails())).unwrap();
    // Over what is looked at before the report is begun.
    pipe.write_all(&vec![b'x'; 5 << 20]).unwrap();
    let started = Instant::now();
    while fs::read(partial.join("facts.bin.zst")).map_or(0, |bytes| bytes.len()) < 100 {
        assert!(started.elapsed() < HANG, "it hangs");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for path in files_below(&partial) {
        let bytes = fs::read(&path).unwrap();
        assert!(
            memchr::memmem::find(&bytes, b"sesame").is_none(),
            "{}",
            path.display()
        );
    }
    assert!(
        fs::read_to_string(partial.join("resume.args"))
            .unwrap()
            .contains("passwords.txt")
    );
}

#[test]
fn d_25_a_crash_leaves_no_core() {
    let place = Workplace::with_pki();
    let waiting = Waiting::start(&place);
    let limits = waiting.file("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"], "{core}");
}

#[test]
fn d_26_the_process_is_not_to_be_looked_into() {
    let place = Workplace::with_pki();
    let waiting = Waiting::start(&place);
    let user = fs::metadata(waiting.path("")).unwrap().uid();
    if user == 0 {
        eprintln!("skipped: it runs as root, to whom all processes are open");
        return;
    }
    // The system gives the files of a process that is not dumpable to root (proc(5)), so that others of the same user can't read its
    // memory.
    for name in ["mem", "environ", "maps"] {
        assert_eq!(fs::metadata(waiting.path(name)).unwrap().uid(), 0, "{name}");
    }
}

#[test]
fn d_26_what_holds_plaintext_does_not_show_it() {
    use mailseal::facts::{self, Scratch, Settings};
    use mailseal::limits::Limits;
    use mailseal::mime::message::{Form, Message, Origin};
    use mailseal::pki::keyring::{Keyring, Passwords};

    let place = Workplace::with_pki();
    let limits = Limits::default();
    let passwords = Passwords::from_lines(b"sesame\n");
    let (keys, report) = Keyring::load(&[place.join("keys")], &passwords, &limits).unwrap();
    let mail = encrypted("1", "plain-canary");
    let message = Message {
        bytes: mail.as_bytes(),
        form: Form::Mail,
        origin: Origin::default(),
    };
    let mut scratch = Scratch::default();
    let collected = facts::collect(&message, &keys, &Settings::default(), &mut scratch);
    assert_eq!(collected.opened.len(), 1);
    let shown = format!("{collected:?} {keys:?} {report:?} {passwords:?}");
    assert!(
        !shown.contains("plain-canary") && !shown.contains("sesame"),
        "{shown}"
    );
    // Bytes shown as numbers would be no better.
    let numbers = format!("{:?}", b"plain-canary");
    assert!(!shown.contains(numbers.trim_matches(['[', ']'])), "{shown}");
}

/// `openssl pkcs12 -export` of Alice's key; None where there is no openssl, or it can't do that.
fn exported(place: &Workplace, name: &str, options: &[&str]) -> Option<PathBuf> {
    place.write(
        "alice.key",
        TEAM.alice.key.private_key_to_pem_pkcs8().unwrap(),
    );
    place.write("alice.crt", pem("CERTIFICATE", &TEAM.alice_der));
    fs::create_dir_all(place.join(name)).unwrap();
    let output = Command::new("openssl")
        .args([
            "pkcs12",
            "-export",
            "-inkey",
            "alice.key",
            "-in",
            "alice.crt",
            "-name",
            "alice",
        ])
        .args(["-out", &format!("{name}/alice.p12")])
        .args(options)
        .current_dir(place.path())
        .output()
        .ok()?;
    let path = place.join(name).join("alice.p12");
    if !output.status.success() {
        eprintln!("skipped: openssl pkcs12 {options:?}");
        return None;
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    Some(path)
}

#[test]
fn d_27_key_files_of_openssl_open_mail_and_what_is_wrong_with_one_is_told_apart() {
    let place = Workplace::new();
    place.write("a.mbox", mbox(&[encrypted("1", "text")]));
    place.write("passwords.txt", "wrong\nZoë\nsesame\n");
    let audit = |keys: &str| {
        let arguments = [
            "audit",
            "a.mbox",
            "-o",
            "report",
            "-q",
            "--force",
            AT,
            "--keys",
            keys,
            "--passwords",
            "passwords.txt",
        ];
        place.run(&arguments)
    };
    let mut opened = 0;
    for (name, options) in [
        ("modern", &["-passout", "pass:sesame"][..]),
        ("legacy", &["-passout", "pass:sesame", "-legacy"]),
        ("unmaced", &["-passout", "pass:sesame", "-nomac"]),
        ("unicode", &["-passout", "pass:Zoë"]),
        (
            "triple",
            &[
                "-passout",
                "pass:sesame",
                "-keypbe",
                "PBE-SHA1-3DES",
                "-certpbe",
                "PBE-SHA1-3DES",
            ],
        ),
        ("rounds", &["-passout", "pass:sesame", "-iter", "100000"]),
        ("empty", &["-passout", "pass:"]),
    ] {
        if exported(&place, name, options).is_none() {
            continue;
        }
        let ran = audit(name);
        ran.code(0);
        assert_eq!(ran.err, "", "{name}");
        opens(&place, "report");
        opened += 1;
    }
    let Some(path) = exported(&place, "good", &["-passout", "pass:sesame"]) else {
        return;
    };
    assert!(opened >= 4, "only {opened} kinds were tried");
    // Beside a file that opens, the others are a line each, and the run goes on.
    let good = fs::read(&path).unwrap();
    for (name, bytes, words) in [
        ("damaged", good[..good.len() / 2].to_vec(), "is damaged"),
        ("text", b"no key".to_vec(), ""),
    ] {
        place.write(format!("good/{name}.p12"), bytes);
        let ran = audit("good");
        ran.code(0);
        if words.is_empty() {
            assert_eq!(ran.err, "");
        } else {
            ran.says(&[&format!("good/{name}.p12"), words]);
        }
        opens(&place, "report");
        fs::remove_file(place.join(format!("good/{name}.p12"))).unwrap();
    }
    exported(&place, "other", &["-passout", "pass:unknown"]).unwrap();
    fs::copy(place.join("other/alice.p12"), place.join("good/other.p12")).unwrap();
    fs::set_permissions(place.join("good/other.p12"), Permissions::from_mode(0o600)).unwrap();
    audit("good")
        .code(0)
        .says(&["good/other.p12: no password given opens it"]);
    audit("other")
        .code(5)
        .says(&["other/alice.p12: no password given opens it", "--passwords"]);
    // A file named that is no key file is told, one in a folder is passed over.
    place.write("text.p12", "no key");
    audit("text.p12")
        .code(0)
        .says(&["text.p12: holds neither a key nor a certificate"]);
}
