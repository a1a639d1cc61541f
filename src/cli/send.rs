//! What `mailseal sign` and `mailseal encrypt` share.

use std::path::{Path, PathBuf};

use crate::asn1::Time;
use crate::cli::args::keys::KeyArgs;
use crate::cli::args::machine::{ReadingArgs, RunArgs};
use crate::cli::args::sign::{OutputArgs, SigningArgs, TrustArgs};
use crate::cli::build;
use crate::cli::decrypt::variant;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::keys::{self, Sources};
use crate::cli::progress::Reporter;
use crate::cli::resume::Resume;
use crate::cli::run::{clock, quoted};
use crate::cli::store::{allowed, default_store};
use crate::cli::{interrupt, screen};
use crate::crypto::canary;
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::error::RunError;
use crate::jobs::audit::Step;
use crate::jobs::compose::job::{self, Counts, Sending};
use crate::jobs::compose::message::{Means, Options, Task};
use crate::jobs::compose::recipients::Recipients;
use crate::jobs::compose::signed::Form;
use crate::jobs::compose::signers::{Authority, RsaPadding, Signers};
use crate::jobs::given::{Given, Wanted};
use crate::jobs::output::partial_of;
use crate::jobs::store::{Ground, Store, StoreMaterial, Whose};
use crate::judge::Policy;
use crate::limits::Limits;
use crate::mime::write::protect::HeaderProtection;
use crate::pipeline::{self, Machine};
use crate::pki::keyring::Keyring;
use crate::pki::x509::Certificate;
use crate::report::encode::hex;
use crate::report::sending::{self, Sums};
use crate::report::{Run, run};

/// What is asked for, whichever command it is.
pub(super) struct Request<'a> {
    pub archives: &'a [PathBuf],
    pub output: &'a OutputArgs,
    pub signing: &'a SigningArgs,
    pub encrypting: Encrypting,
    pub keys: &'a KeyArgs,
    pub trust: &'a TrustArgs,
    pub reading: &'a ReadingArgs,
    pub run: &'a RunArgs,
    pub task: Task,
    pub command: &'static str,
    /// What was done to a message, for the summary.
    pub done: &'static str,
}

/// How mail is encrypted, and what of its header stands inside.
#[derive(Clone, Debug)]
pub(super) struct Encrypting {
    pub to_self: bool,
    pub cipher: Option<CipherAlgorithm>,
    pub protection: Option<HeaderProtection>,
}

impl Encrypting {
    /// Mail that is only signed.
    pub fn none(protects: bool) -> Self {
        Self {
            to_self: false,
            cipher: None,
            protection: protects.then_some(HeaderProtection::Clear),
        }
    }
}

impl Request<'_> {
    /// Does it.
    ///
    /// # Errors
    /// What ends the run.
    pub fn run(&self, resume: &Resume, again: bool, started: Time) -> Result<Exit, CommandError> {
        canary::check()?;
        let limits = build::limits(self.reading, self.keys);
        let threads = build::count(self.run.threads);
        let options = self.options(resume.now)?;
        let keyring = self.keyring(&limits, threads)?;
        let store = self.store()?;
        let material = material(self.trust, store.as_deref(), &keyring, &limits)?;
        let ground = Ground::new(&material, &limits)?;
        let policy = Policy {
            require_revocation: self.trust.require_revocation,
            ..Policy::default()
        };
        let authority = Authority {
            ground: &ground,
            distrusted: &material.distrusted,
            rules: options.rules(),
            padding: match self.signing.pss {
                true => RsaPadding::Pss,
                false => RsaPadding::V15,
            },
            limits: &limits,
        };
        let mut judge = ground.judge(&policy, options.at, &limits);
        let signers = Signers::new(&keyring, &authority, &mut judge)?;
        let recipients = match &store {
            Some(path) if self.task.encrypts() => {
                let judge = ground.judge(&policy, options.at, &limits);
                let store = Store::open(path, false)?;
                Some(Recipients::new(
                    store,
                    &ground,
                    judge,
                    options.rules(),
                    &limits,
                ))
            }
            _ => None,
        };
        let target = self.output.output.clone().unwrap_or_default();
        let partial = partial_of(&target);
        let command = self.command;
        let then = format!(
            "Go on with: mailseal {command} --resume {}",
            quoted(&partial)
        );
        let stop = interrupt::watch(format!("interrupted. {then}"));
        let workers = pipeline::threads(threads)?;
        let machine = Machine {
            threads: &workers,
            memory_bytes: self.reading.memory,
            stop: &stop,
        };
        let sending = Sending {
            archives: self.archives,
            target: &target,
            replace: self.output.force,
            resume: again,
            resume_text: &resume.text(),
            means: Means {
                signers: &signers,
                recipients: recipients.as_ref(),
                keys: &keyring,
                options: &options,
                limits: &limits,
            },
            keys: (
                keyring.digest(),
                u64::try_from(keyring.keys().count()).unwrap_or(u64::MAX),
            ),
            format: self.output.mbox_format.map(variant),
        };
        let mut reporter = Reporter::new(self.run.quiet);
        let mut step = |progress, total| {
            reporter.step(Step::Reading(progress, total));
        };
        let result = job::send(&sending, &machine, &mut step).and_then(|made| {
            let Some(made) = made else {
                return Ok(None);
            };
            let counts = made.counts;
            let run = run_json(started, reporter.seconds(), threads, resume, &counts)?;
            made.finish(started, &run)?;
            Ok(Some(counts))
        });
        reporter.end();
        keys::complain_afterwards(&keyring);
        let counts = result.map_err(|error| match error {
            RunError::Interrupted => CommandError::Interrupted(format!(
                "interrupted after {} messages. {then}",
                reporter.seen().messages,
            )),
            RunError::Unwritable { .. } if job::can_go_on(&partial) => {
                CommandError::Stopped { error, then }
            }
            other => other.into(),
        })?;
        // The earlier run had come to its end, and what it printed is gone with it.
        let Some(counts) = counts else {
            return Ok(Exit::Finished);
        };
        if !self.run.quiet {
            let folder = target.display().to_string();
            screen::print(&sending::lines(&sums(&counts), self.done, &folder));
        }
        Ok(if counts.incomplete > 0 {
            Exit::Incomplete
        } else if counts.refused > 0 {
            Exit::Found
        } else {
            Exit::Finished
        })
    }

    /// The store that was named; who encrypts needs one, and has the usual one.
    fn store(&self) -> Result<Option<PathBuf>, CommandError> {
        if self.trust.store.is_some() || !self.task.encrypts() {
            return Ok(self.trust.store.clone());
        }
        match default_store().filter(|path| path.is_file()) {
            Some(path) => Ok(Some(path)),
            None => Err(CommandError::Usage(
                "--store is missing: it has the recipients' certificates. Make one with: mailseal store --store FILE import REPORT".to_owned(),
            )),
        }
    }

    fn options(&self, now: Time) -> Result<Options, CommandError> {
        Ok(Options {
            task: self.task,
            form: match self.signing.opaque {
                true => Form::Opaque,
                false => Form::Detached,
            },
            at: build::instant(self.trust.at.as_deref(), now)?,
            require_revocation: self.trust.require_revocation,
            allowed: allowed(&self.trust.allow)?,
            to_self: self.encrypting.to_self,
            cipher: self.encrypting.cipher,
            protection: self.encrypting.protection,
        })
    }

    fn keyring(&self, limits: &Limits, threads: usize) -> Result<Keyring, CommandError> {
        let own = Sources {
            to_sign: true,
            ..Sources::of(self.keys, self.run.quiet)
        };
        let keyring = keys::load(own, limits, threads)?;
        if self.task.signs() && keyring.is_empty() {
            return Err(CommandError::Usage(
                "--keys: no key in what was given. Give a PKCS#12 or PEM file with key and certificate.".to_owned(),
            ));
        }
        Ok(keyring)
    }
}

/// Anchors, certificates and lists. Who names no anchor trusts the authorities that came with the keys.
fn material(
    args: &TrustArgs,
    store: Option<&Path>,
    keyring: &Keyring,
    limits: &Limits,
) -> Result<StoreMaterial, CommandError> {
    let mut anchors = Given::load(&args.ca, Wanted::Certificates, limits)?;
    let mut certificates = Given::load(&args.certs, Wanted::Certificates, limits)?;
    let crls = Given::load(&args.crl, Wanted::Revocation, limits)?;
    let is_alone = args.ca.is_empty() && store.is_none();
    for der in keyring.certificates() {
        certificates.insert(der);
        let is_root = Certificate::read(der).is_ok_and(|certificate| {
            let constraints = certificate.extensions.basic_constraints();
            certificate.is_self_issued()
                && matches!(constraints, Ok(Some(constraints)) if constraints.ca)
        });
        if is_alone && is_root {
            anchors.insert(der);
        }
    }
    let mut material = match store {
        Some(path) => Store::open(path, false)?.material(Whose::All)?,
        None => StoreMaterial::default(),
    };
    for sha256 in material.join(anchors, certificates, crls) {
        let sha256 = hex(&sha256);
        screen::warn(&format!(
            "--ca: {sha256} is distrusted in the store, and no anchor"
        ));
    }
    Ok(material)
}

fn run_json(
    started: Time,
    seconds: f64,
    threads: usize,
    resume: &Resume,
    counts: &Counts,
) -> Result<Vec<u8>, RunError> {
    let host = rustix::system::uname();
    let arguments: Vec<String> = resume
        .arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    run::json(&Run {
        started,
        ended: clock(),
        seconds,
        host: &host.nodename().to_string_lossy(),
        threads: u32::try_from(threads).unwrap_or(u32::MAX),
        arguments: &arguments,
        messages: counts.messages,
        bytes: counts.bytes,
        unsettled: None,
        resumed_at: None,
    })
}

fn sums(counts: &Counts) -> Sums {
    Sums {
        messages: counts.messages,
        written: counts.written,
        files: counts.files,
        sent: counts.sent,
        refused: counts.refused,
        skipped: counts.skipped,
        left_out: counts.left_out,
        incomplete: counts.incomplete,
    }
}
