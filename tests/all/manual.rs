//! The manual names things that are there: tests, files, options.

use std::fs;
use std::path::Path;
use std::process::Command;

use mailseal::archive::FaultCode;
use mailseal::facts::finding::Finding;

use super::program::PROGRAM;

/// The sources of all tests, one behind another.
fn all_tests() -> String {
    let mut text = String::new();
    let mut folders = vec![root().join("tests"), root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The markdown that people read.
fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for folder in [
        root().to_owned(),
        root().join("src/manual"),
        root().join("benches"),
        root().join("sample-mail"),
    ] {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "md") {
                let text = fs::read_to_string(&path).unwrap();
                texts.push((path.display().to_string(), text));
            }
        }
    }
    assert!(texts.len() >= 5, "{texts:?}");
    texts
}

#[test]
fn every_attack_names_tests_that_exist() {
    let tests = all_tests();
    let attacks = fs::read_to_string(root().join("src/manual/attacks.md")).unwrap();
    let mut seen = 0;
    for row in attacks.lines().filter(|line| line.starts_with("| ")) {
        let Some(named) = row.trim_end_matches(" |").rsplit(" | ").next() else {
            continue;
        };
        if named == "test" {
            continue;
        }
        for id in named.split(", ") {
            let there = [format!("fn {id}_"), format!("_{id}_")]
                .iter()
                .any(|name| tests.contains(name.as_str()));
            assert!(there, "no test {id}: {row}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Every finding and fault has its line; none is there that the program does not know.
#[test]
fn every_code_is_explained() {
    let text = fs::read_to_string(root().join("src/manual/findings.md")).unwrap();
    let explained: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let mut known: Vec<&str> = Finding::ALL.iter().map(|code| code.as_str()).collect();
    known.extend(FaultCode::ALL.iter().map(|code| code.as_str()));
    for code in &known {
        assert!(explained.contains(code), "{code} is not explained");
    }
    for code in explained {
        assert!(known.contains(&code), "{code} is no code");
    }
}

#[test]
fn every_link_in_the_texts_leads_somewhere() {
    for (place, text) in texts() {
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = Path::new(&place).parent().unwrap().join(target);
            assert!(path.exists(), "{place}: {target}");
        }
    }
}

#[test]
fn every_option_in_the_texts_is_one_of_the_program() {
    let help = |arguments: &[&str]| {
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let mut known = String::new();
    let mut open = vec![Vec::new()];
    while let Some(command) = open.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let text = help(&[&words[..], &["--help"]].concat());
        let listed = text.split("Commands:").nth(1).unwrap_or_default();
        let listed = listed.split("Options:").next().unwrap();
        for name in listed
            .lines()
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
        {
            open.push([command.clone(), vec![name.to_owned()]].concat());
        }
        known.push_str(&text);
    }
    let mut seen = 0;
    for (place, text) in texts() {
        for line in text
            .lines()
            .filter(|line| line.contains("mailseal") && !line.contains("cargo"))
        {
            for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
                if word.len() > 2 && word.starts_with("--") {
                    assert!(known.contains(word), "{place}: {word} in {line}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 5, "{seen}");
}
