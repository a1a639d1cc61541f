//! `mailseal store` on the built program: what is kept, what is trusted and what not, two runs at once, and a run that is killed.
//!
//! Over 600 lines because every subcommand is tried here, on the same few certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use mailseal::asn1::oid;
use mailseal::mime::compare::{Match, compare, folded};
use rusqlite::Connection;
use serde_json::Value;

use super::pki::authority::{Party, Revoked, Wanted, crl, key_usage};
use super::program::{AT, PROGRAM, Ran, TEAM, Workplace, mbox, pem, small_mails};

/// With `roots.pem`, `crls/`, `keys/`, `passwords.txt`, and a report of an archive that nothing was trusted in.
fn place() -> Workplace {
    let place = Workplace::with_pki();
    place.write("mail.mbox", mbox(&small_mails()));
    place
        .run(&["audit", "mail.mbox", "-o", "report", "-q", AT])
        .code(0);
    // As if a message had carried the authority's certificate too.
    let path = place.join("report/certificates.pem");
    let carried = fs::read_to_string(&path).unwrap();
    fs::write(&path, carried + &pem("CERTIFICATE", &TEAM.root_der)).unwrap();
    place
}

fn store(place: &Workplace, arguments: &[&str]) -> Ran {
    let all = [&["store", "--store", "st.db"], arguments].concat();
    place.run(&all)
}

fn rows(place: &Workplace, arguments: &[&str]) -> Vec<Value> {
    let ran = store(place, &[arguments, &["--json"]].concat());
    assert!(ran.code == Some(0) || ran.code == Some(1), "{ran:?}");
    let lines = ran.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn sha256(der: &[u8]) -> String {
    openssl::sha::sha256(der)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

fn valid(place: &Workplace, report: &str) -> u64 {
    let status = &place.summary(report)["messages"]["status"];
    status["valid"].as_u64().unwrap_or_default()
}

/// SQLite itself finds nothing wrong.
fn intact(place: &Workplace) {
    let open = Connection::open(place.join("st.db")).unwrap();
    let said: String = open
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(said, "ok");
    let broken = open
        .prepare("PRAGMA foreign_key_check")
        .unwrap()
        .exists([])
        .unwrap();
    assert!(!broken);
}

#[test]
fn i_04_what_mail_brings_is_evidence_and_trusted_only_when_somebody_says_so() {
    let place = place();
    let imported = store(&place, &["import", "report"]);
    imported.code(0);
    assert!(
        imported.out.contains("new authorities wait"),
        "{imported:?}"
    );
    let root = sha256(&TEAM.root_der);
    let waiting = rows(&place, &["list", "--undecided"]);
    assert!(
        waiting.iter().any(|row| row["sha256"] == *root),
        "{waiting:?}"
    );
    assert!(waiting.iter().all(|row| row["decision"] == "undecided"));

    let judge = |target: &str, more: &[&str]| {
        let all = [&["judge", "report", "-o", target, "-q", AT], more].concat();
        place.run(&all)
    };
    judge("before", &["--store", "st.db"]).code(0);
    assert_eq!(valid(&place, "before"), 0);

    store(&place, &["trust", &root[..12], "--note", "seen in person"]).code(0);
    judge("after", &["--store", "st.db"]).code(0);
    judge("given", &["--ca", "roots.pem"]).code(0);
    assert!(valid(&place, "after") > 0);
    for file in ["messages.jsonl", "signatures.csv", "certificates.csv"] {
        let (one, other) = (place.report("after"), place.report("given"));
        assert_eq!(one[file], other[file], "{file}");
    }
    place
        .run(&[
            "audit",
            "mail.mbox",
            "-o",
            "again",
            "-q",
            AT,
            "--store",
            "st.db",
        ])
        .code(0);
    place.assert_same("again", "after");

    let shown = &rows(&place, &["show", &root])[0];
    assert_eq!(shown["decision"], "trusted");
    assert_eq!(shown["history"][0]["note"], "seen in person");
    let at = shown["history"][0]["at"].as_str().unwrap();
    assert!(at.starts_with("20") && at.ends_with('Z'), "{at}");
    store(&place, &["trust", &root, "--undo"]).code(0);
    judge("undone", &["--store", "st.db"]).code(0);
    assert_eq!(valid(&place, "undone"), 0);
    let shown = &rows(&place, &["show", &root])[0];
    assert_eq!(shown["history"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_distrusted_is_no_anchor_whoever_gives_it() {
    let place = place();
    store(&place, &["add", "roots.pem"]).code(0);
    let root = sha256(&TEAM.root_der);
    let judge = |target: &str| {
        place.run(&[
            "judge",
            "report",
            "-o",
            target,
            "-q",
            AT,
            "--store",
            "st.db",
            "--ca",
            "roots.pem",
        ])
    };
    judge("known").code(0);
    assert!(valid(&place, "known") > 0);
    assert_eq!(place.summary("known")["distrusted"], Value::Null);
    store(&place, &["distrust", &root, "--note", "stolen"]).code(0);
    let ran = judge("distrusted");
    ran.code(0).says(&[&root, "distrusted"]);
    assert_eq!(valid(&place, "distrusted"), 0);
    let summary = place.summary("distrusted");
    assert_eq!(summary["distrusted"], serde_json::json!([root]));
    assert_eq!(summary["anchors"]["number"], 0);
}

#[test]
fn no_path_leads_over_what_is_distrusted_or_from_it() {
    let place = place();
    store(&place, &["import", "report"]).code(0);
    store(&place, &["trust", &sha256(&TEAM.root_der)]).code(0);
    let judge = |target: &str| {
        place
            .run(&[
                "judge", "report", "-o", target, "-q", AT, "--store", "st.db",
            ])
            .code(0);
        valid(&place, target)
    };
    assert!(judge("before") > 0);
    store(&place, &["distrust", &sha256(&TEAM.alice_der)]).code(0);
    assert_eq!(judge("signer"), 0);

    let (middle, bob) = (Party::new("Middle"), Party::new("Bob"));
    let middle_der = Wanted::ca(&middle, 50).days(0, 10_000).by(&TEAM.root);
    let bob_der = Wanted::signer(&bob, 51, "bob@example.com")
        .with(oid::KEY_USAGE, true, key_usage(&[4]))
        .days(0, 10_000)
        .by(&middle);
    place.write("middle.pem", pem("CERTIFICATE", &middle_der));
    place.write("bob.pem", pem("CERTIFICATE", &bob_der));
    store(&place, &["add", "middle.pem", "bob.pem"]).code(0);
    let show = ["show", "bob@example.com", AT];
    assert_eq!(rows(&place, &show)[0]["chosen"], *sha256(&bob_der));
    store(&place, &["distrust", &sha256(&middle_der)]).code(0);
    let refused = &rows(&place, &show)[0];
    assert_eq!(refused["refusal"], "none_usable");
    assert_eq!(
        refused["others"][0]["hindrances"],
        serde_json::json!(["untrusted"])
    );
}

#[test]
fn keys_are_kept_by_their_place_and_never_themselves() {
    let place = place();
    let added = store(
        &place,
        &[
            "add",
            "keys",
            "crls",
            "roots.pem",
            "--passwords",
            "passwords.txt",
        ],
    );
    added.code(0);
    let path = place.join("st.db");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let list = rows(&place, &["list"]);
    let kinds: Vec<_> = list
        .iter()
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["key", "authority", "certificate", "crl"]);
    assert_eq!(
        list[0]["file"],
        *place.join("keys/alice.p12").to_str().unwrap()
    );
    let bytes = fs::read(&path).unwrap();
    let key = TEAM.alice.key.ec_key().unwrap();
    let secret = key.private_key().to_vec();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    assert!(!bytes.windows(6).any(|window| window == b"sesame"));

    store(&place, &["remove", "keys/alice.p12"]).code(0);
    assert!(rows(&place, &["list", "--kind", "key"]).is_empty());
    let crl = list[3]["sha256"].as_str().unwrap();
    store(&place, &["remove", crl, &sha256(&TEAM.root_der)]).code(0);
    let left = rows(&place, &["list"]);
    assert_eq!(left.len(), 1, "{left:?}");
    intact(&place);

    fs::remove_file(&path).unwrap();
    store(&place, &["add", "keys/alice.p12"])
        .code(5)
        .says(&["no password"]);
    assert!(!path.exists());
    let nothing = place.write("text.txt", "nothing");
    store(&place, &["add", nothing.to_str().unwrap()])
        .code(5)
        .says(&["text.txt", "no certificate"]);
}

#[test]
fn the_default_place_is_the_users_data_folder() {
    let place = place();
    let run = |variable: &str, value: &str, arguments: &[&str]| {
        let mut command = place.command(arguments);
        command
            .env_remove("XDG_DATA_HOME")
            .env("HOME", place.join("home"))
            .env(variable, place.join(value));
        assert_eq!(command.output().unwrap().status.code(), Some(0));
    };
    run("XDG_DATA_HOME", "data", &["store", "add", "roots.pem"]);
    assert!(place.join("data/mailseal/store.db").is_file());
    let folder = fs::metadata(place.join("data/mailseal")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    run("HOME", "home", &["store", "add", "roots.pem"]);
    assert!(place.join("home/.local/share/mailseal/store.db").is_file());
    run("XDG_DATA_HOME", "data", &["store", "list"]);
}

#[test]
fn what_is_no_store_of_this_version_is_refused() {
    let place = place();
    store(&place, &["list"])
        .code(5)
        .says(&["st.db", "cannot be read"]);
    assert!(!place.join("st.db").exists());

    store(&place, &["add", "roots.pem"]).code(0);
    let path = place.join("st.db");
    let good = fs::read(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 3)
        .unwrap();
    for arguments in [&["list"][..], &["add", "roots.pem"], &["import", "report"]] {
        store(&place, arguments).code(5).says(&["later version"]);
    }
    let ran = place.run(&["judge", "report", "-o", "out", "-q", "--store", "st.db"]);
    ran.code(5).says(&["later version"]);

    fs::write(&path, "From alice@example.com\n".repeat(100)).unwrap();
    store(&place, &["list"])
        .code(5)
        .says(&["no store of mailseal"]);
    fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE notes (text)").unwrap();
    drop(other);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    store(&place, &["add", "roots.pem"])
        .code(5)
        .says(&["no store of mailseal"]);

    fs::write(&path, &good).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    store(&place, &["list"]).code(5).says(&["others can write"]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    store(&place, &["list"]).code(0);

    // A certificate that was exchanged behind our back is not what its digest says.
    let root = sha256(&TEAM.root_der);
    store(&place, &["trust", &root]).code(0);
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE certificates SET der = ?1", [&TEAM.alice_der])
        .unwrap();
    let ran = place.run(&["judge", "report", "-o", "out", "-q", "--store", "st.db"]);
    ran.code(5).says(&["is damaged"]);
}

#[test]
fn a_name_must_fit_one_certificate() {
    let place = place();
    store(&place, &["import", "report"]).code(0);
    store(&place, &["trust", "0000000"])
        .code(5)
        .says(&["fits no certificate"]);
    store(&place, &["trust", &"0".repeat(64)])
        .code(5)
        .says(&["fits no certificate"]);
    store(&place, &["show", "alice@example.com", "--allow", "all"])
        .code(2)
        .says(&["weak"]);
    store(&place, &["export", "-o", "roots.pem"])
        .code(5)
        .says(&["exists"]);
    let root = sha256(&TEAM.root_der);
    // All or nothing.
    store(&place, &["distrust", &root, &"0".repeat(64)]).code(5);
    assert_eq!(rows(&place, &["show", &root])[0]["decision"], "undecided");
    let colons: Vec<String> = root
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8(pair.to_ascii_uppercase()).unwrap())
        .collect();
    store(&place, &["trust", &colons.join(":")]).code(0);
}

#[test]
fn a_report_counts_once_and_bad_rows_cost_themselves() {
    let place = place();
    store(&place, &["import", "report"]).code(0);
    let before = rows(&place, &["list"]);
    let again = store(&place, &["import", "report"]);
    again.code(0);
    assert!(again.out.contains("imported before"), "{again:?}");
    assert_eq!(rows(&place, &["list"]), before);

    let alice = before
        .iter()
        .find(|row| row["sha256"] == *sha256(&TEAM.alice_der))
        .unwrap();
    assert!(alice["messages"].as_u64().unwrap() > 0, "{alice}");
    let shown = &rows(&place, &["show", &sha256(&TEAM.alice_der)])[0];
    let told = shown["evidence"].as_array().unwrap();
    let of_address = told
        .iter()
        .find(|row| row["address"] == "alice@example.com")
        .unwrap();
    assert!(of_address["signed"].as_u64().unwrap() > 0, "{of_address}");

    for name in ["certificates.pem", "certificates.csv", "messages.jsonl"] {
        let path = place.join("report").join(name);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{\n");
        fs::write(&path, text).unwrap();
    }
    let damaged = store(&place, &["import", "report"]);
    damaged.code(3).says(&["could not be read"]);
    store(&place, &["import", "crls"])
        .code(5)
        .says(&["no report"]);
    intact(&place);
}

/// Alice's certificate, and a newer one for her of an authority that nobody knows her by.
fn with_a_stranger() -> (Workplace, String, String) {
    let place = Workplace::with_pki();
    let other = Party::new("Other Root");
    let other_der = Wanted::ca(&other, 1).days(0, 10_000).by(&other);
    let eve = Party::new("Alice");
    let newer = Wanted::signer(&eve, 3, "alice@example.com")
        .with(oid::KEY_USAGE, true, key_usage(&[0, 4]))
        .days(100, 10_000)
        .by(&other);
    place.write("alice.pem", pem("CERTIFICATE", &TEAM.alice_der));
    place.write("other.pem", pem("CERTIFICATE", &other_der));
    place.write("newer.pem", pem("CERTIFICATE", &newer));
    store(
        &place,
        &["add", "roots.pem", "alice.pem", "other.pem", "newer.pem"],
    )
    .code(0);
    let roots = [sha256(&TEAM.root_der), sha256(&other_der)];
    store(&place, &["trust", &roots[0], &roots[1]]).code(0);
    (place, sha256(&TEAM.alice_der), sha256(&newer))
}

#[test]
fn a_newer_certificate_of_another_authority_never_wins_silently() {
    let (place, old, new) = with_a_stranger();
    let show = ["show", "alice@example.com", AT];
    let choice = &rows(&place, &show)[0];
    assert_eq!(choice["chosen"], *old);
    assert_eq!(
        choice["others"][0]["hindrances"],
        serde_json::json!(["other_authority"])
    );
    let note = choice["notes"].as_array().unwrap().iter();
    let note = note.filter(|note| note["code"] == "newer_other_authority");
    let named: Vec<_> = note.map(|note| (&note["chosen"], &note["other"])).collect();
    assert_eq!(
        named,
        [(&Value::from(old.clone()), &Value::from(new.clone()))]
    );
    let text = store(&place, &show).out;
    assert!(
        text.contains(&old[..16]) && text.contains(&new[..16]),
        "{text}"
    );
    assert!(text.contains("newer_other_authority"), "{text}");

    // Revoked, the old one is gone, and so is what it stood for.
    let list = crl(&TEAM.root, (0, 10_000), &[Revoked::new(2, 50, None)], &[]);
    place.write("revoked.crl", pem("X509 CRL", &list));
    store(&place, &["add", "revoked.crl"]).code(0);
    assert_eq!(rows(&place, &show)[0]["chosen"], *new);

    let (place, old, new) = with_a_stranger();
    store(&place, &["trust", &new]).code(0);
    let choice = &rows(&place, &show)[0];
    assert_eq!(
        (&choice["chosen"], &choice["why"]),
        (&new.clone().into(), &"only_one".into())
    );
    store(&place, &["distrust", &new]).code(0);
    assert_eq!(rows(&place, &show)[0]["chosen"], *old);
    store(&place, &["distrust", &old]).code(0);
    let none = store(&place, &show);
    none.code(1);
    assert!(none.out.contains("none_usable"), "{none:?}");
    store(&place, &["show", "bob@example.com"]).code(1);
    // What is refused at one time is not at another.
    let early = rows(
        &place,
        &[
            "show",
            "alice@example.com",
            "--at",
            "2010-01-01",
            "--allow",
            "distrusted",
        ],
    );
    assert_eq!(early[0]["refusal"], "none_usable");
}

#[test]
fn what_the_owner_asks_for_in_a_harvest_is_chosen() {
    let (place, old, new) = with_a_stranger();
    let both = format!(
        "{}{}",
        fs::read_to_string(place.join("alice.pem")).unwrap(),
        fs::read_to_string(place.join("newer.pem")).unwrap()
    );
    place.write("harvest/certificates.pem", both);
    let dossier = |verified: u64| {
        format!(
            "{{\"schema\":\"mailseal/dossier/1\",\"sha256\":\"{old}\",\"key_preference\":[{{\"certificate\":\"{new}\",\"own\":false,\
             \"signatures\":1,\"verified\":{verified},\"last\":\"2024-05-05T00:00:00Z\"}}],\"capabilities\":[{{\"algorithms\":\
             [\"aes-256-gcm\"],\"signatures\":1,\"verified\":{verified},\"last\":\"2024-05-05T00:00:00Z\"}}]}}\n"
        )
    };
    place.write("harvest/certificates.jsonl", dossier(0));
    store(&place, &["import", "harvest"]).code(0);
    let show = ["show", "alice@example.com", AT];
    assert_eq!(rows(&place, &show)[0]["chosen"], *old);
    place.write("harvest/certificates.jsonl", dossier(1));
    store(&place, &["import", "harvest"]).code(0);
    let choice = &rows(&place, &show)[0];
    assert_eq!(
        (&choice["chosen"], &choice["why"]),
        (&new.into(), &"key_preference".into())
    );
}

#[test]
fn i_04_what_goes_out_is_byte_for_byte_what_came_in() {
    let (place, old, _) = with_a_stranger();
    let ders = |text: &str| {
        let all = openssl::x509::X509::stack_from_pem(text.as_bytes()).unwrap();
        let mut all: Vec<String> = all
            .iter()
            .map(|one| sha256(&one.to_der().unwrap()))
            .collect();
        all.sort();
        all
    };
    assert_eq!(ders(&store(&place, &["export"]).out).len(), 4);
    assert_eq!(
        store(&place, &["export", &old]).out,
        pem("CERTIFICATE", &TEAM.alice_der)
    );
    assert_eq!(
        ders(&store(&place, &["export", "ALICE@example.com"]).out).len(),
        2
    );
    assert_eq!(ders(&store(&place, &["export", "--trusted"]).out).len(), 2);
    store(&place, &["add", "crls"]).code(0);
    let ran = store(&place, &["export", "--crls", "-o", "out.crl"]);
    ran.code(0);
    let written = fs::read_to_string(place.join("out.crl")).unwrap();
    assert_eq!(written, pem("X509 CRL", &TEAM.crl));
}

/// A report with so many certificates that its import takes a while.
fn large_report(place: &Workplace, name: &str, certificates: u64) {
    let party = Party::new("Crowd");
    let mut bundle = String::new();
    for serial in 0..certificates {
        let address = format!("p{serial}@example.com");
        let der = Wanted::signer(&party, serial + 1, &address).by(&party);
        bundle.push_str(&pem("CERTIFICATE", &der));
    }
    place.write(format!("{name}/certificates.pem"), bundle);
}

#[test]
fn two_runs_at_once_do_not_damage_it() {
    let place = Workplace::with_pki();
    large_report(&place, "crowd", 1500);
    let party = Party::new("Many");
    for number in 0..12 {
        let der = Wanted::ca(&party, number + 1).by(&party);
        place.write(format!("ca{number}.pem"), pem("CERTIFICATE", &der));
    }
    thread::scope(|scope| {
        let place = &place;
        scope.spawn(move || store(place, &["import", "crowd"]).code(0).code);
        for number in 0..12 {
            scope.spawn(move || {
                let file = format!("ca{number}.pem");
                store(place, &["add", &file]).code(0);
                store(place, &["list"]).code(0);
            });
        }
    });
    intact(&place);
    assert_eq!(rows(&place, &["list", "--kind", "authority"]).len(), 12);
    assert_eq!(rows(&place, &["list", "--kind", "certificate"]).len(), 1500);
    let left: Vec<_> = place
        .names()
        .into_iter()
        .filter(|name| name.starts_with("st.db"))
        .collect();
    assert_eq!(left, ["st.db"]);
}

#[test]
fn a_run_that_is_killed_leaves_what_was_there() {
    let place = Workplace::with_pki();
    large_report(&place, "crowd", 3000);
    store(&place, &["add", "roots.pem"]).code(0);
    let mut killed = 0;
    for milliseconds in [5, 20, 40, 60, 80, 120, 180, 260] {
        let mut child = Command::new(PROGRAM)
            .args(["store", "--store", "st.db", "import", "crowd"])
            .current_dir(place.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        killed += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        let now = rows(&place, &["list"]).len();
        assert!(now == 1 || now == 3001, "{now} after {milliseconds} ms");
        intact(&place);
    }
    assert!(killed > 0, "every run was quicker than its killer");
    store(&place, &["import", "crowd"]).code(0);
    assert_eq!(rows(&place, &["list"]).len(), 3001);
    intact(&place);
}

#[test]
fn the_examples_of_the_help_work() {
    let help = Workplace::new().run(&["store", "--help"]);
    help.code(0);
    let (_, examples) = help.out.split_once("Examples:\n").unwrap();
    let place = Workplace::with_pki();
    place.write("mail.mbox", mbox(&small_mails()));
    place
        .run(&["audit", "mail.mbox", "-o", "report", "-q"])
        .code(0);
    let mut seen = 0;
    for line in examples
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("mailseal"), "{line}");
        let mut command = place.command(&words.collect::<Vec<_>>());
        command.env("XDG_DATA_HOME", place.join("data"));
        let code = command.output().unwrap().status.code();
        // Nobody is trusted yet, so nobody is chosen.
        let expected = if line.contains(" show ") { 1 } else { 0 };
        assert_eq!(code, Some(expected), "{line}");
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn addresses_that_compare_as_one_mailbox_are_kept_as_one() {
    let all = [
        "a@b.example",
        "A@B.EXAMPLE",
        "\"a\"@b.example",
        "a@b\u{fc}cher.example",
        "A@xn--bcher-kva.example",
        "a@b\u{dc}CHER.example",
        "a@c.example",
        "a@",
        "@b.example",
        "a",
        "a@b@b.example",
    ];
    for one in all {
        for other in all {
            let same = compare(one, other) != Match::None;
            let folds = folded(one).is_some() && folded(one) == folded(other);
            assert_eq!(same, folds, "{one} {other}");
        }
    }
}
