//! The prompt for a password, on a terminal of its own (catalogue row D-24).

use super::*;
use crate::program::{AT, HANG, PROGRAM, Workplace, encrypted, mbox};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The program on a terminal of its own: what it shows, with each answer given once it asks without echo.
fn on_a_terminal(place: &Workplace, arguments: &[&str], answers: &[&str]) -> Option<(i32, String)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let child = Command::new("setsid")
        .args(["--ctty", "--wait", PROGRAM])
        .args(arguments)
        .current_dir(place.path())
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap())
        .stderr(slave)
        .spawn();
    // Here nobody holds the terminal any more but the child.
    let Ok(mut child) = child else {
        eprintln!("skipped: no setsid");
        return None;
    };
    let mut terminal = File::from(master);
    let shown = Arc::new(Mutex::new(Vec::new()));
    let reader = thread::spawn({
        let mut terminal = terminal.try_clone().unwrap();
        let shown = Arc::clone(&shown);
        move || {
            let mut chunk = [0; 1000];
            // The terminal ends with an error once nobody is at its other side.
            while let Ok(count @ 1..) = terminal.read(&mut chunk) {
                shown.lock().unwrap().extend_from_slice(&chunk[..count]);
            }
        }
    });
    let asked = || {
        let shown = shown.lock().unwrap();
        memchr::memmem::find_iter(&shown, b"Password for").count()
    };
    let started = Instant::now();
    for (n, answer) in answers.iter().enumerate() {
        // Asked, and without echo: a terminal that echoes would show it.
        while asked() <= n || echoes(&terminal) {
            assert!(started.elapsed() < HANG, "it hangs");
            if child.try_wait().unwrap().is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        terminal.write_all(answer.as_bytes()).unwrap();
    }
    let code = child.wait().unwrap().code().unwrap();
    reader.join().unwrap();
    let shown = String::from_utf8(shown.lock().unwrap().clone()).unwrap();
    Some((code, shown))
}

fn echoes(terminal: &File) -> bool {
    tcgetattr(terminal)
        .unwrap()
        .local_modes
        .contains(LocalModes::ECHO)
}

#[test]
fn d_24_without_a_password_a_terminal_is_asked_without_echo() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&[encrypted("1", "text")]));
    let audit = [
        "audit", "a.mbox", "-o", "report", "-q", "--force", AT, "--keys", "keys",
    ];
    let Some((code, shown)) = on_a_terminal(&place, &audit, &["sesame\n"]) else {
        return;
    };
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Password for keys/alice.p12"), "{shown}");
    assert!(!shown.contains("sesame"), "{shown}");
    opens(&place, "report");
    let wrong = ["falsch-1\n", "falsch-2\n", "falsch-3\n"];
    let (code, shown) = on_a_terminal(&place, &audit, &wrong).unwrap();
    assert_eq!(code, 5, "{shown}");
    assert_eq!(shown.matches("Password for").count(), 3, "{shown}");
    assert!(shown.contains("no password given opens it"), "{shown}");
    for answer in wrong {
        assert!(!shown.contains(answer.trim_end()), "{shown}");
    }
}
