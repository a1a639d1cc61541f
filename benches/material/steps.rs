//! The steps of the two passes, one by one over a batch of messages as the pipeline takes them.

use std::time::Duration;

use mailseal::asn1::Time;
use mailseal::facts::complete::{Sources, complete};
use mailseal::facts::record::MessageFacts;
use mailseal::facts::store::{self, Event, Head, Kind};
use mailseal::facts::{self, Collected, Scratch, Settings, certificates};
use mailseal::judge::{self, Clocks, Judge, MessageVerdict, Policy};
use mailseal::limits::Limits;
use mailseal::mime::message::{Form, Message, Origin};
use mailseal::pipeline::Bench;
use mailseal::pki::keyring::Keyring;
use mailseal::pki::pool::{Pool, PoolBuilder, Provenance, Spool};
use mailseal::pki::trust::{Anchors, Hierarchy};
use mailseal::report::{self, Lookup, Place, Rendered};

use crate::material::measure::{Rounds, time};
use crate::material::party::NOW;
use crate::material::run::{Trusted, render_options};

/// The steps by name, in the order in which they are taken.
pub const STEPS: [&str; 7] = [
    "collect (mime, cms, digests, verifying, decrypting)",
    "facts: encode",
    "facts: decode",
    "complete",
    "judge",
    "report: render",
    "report: join",
];

/// A batch's way through the stages.
pub struct Batch<'b> {
    messages: Vec<&'b [u8]>,
    keys: &'b Keyring,
    settings: Settings,
    scratch: Scratch,
}

/// What pass 2 needs beside the facts.
pub struct Court {
    pub pool: Pool,
    pub hierarchy: Hierarchy,
    pub policy: Policy,
    pub limits: Limits,
}

impl Court {
    /// Finishes a message's facts.
    pub fn complete(&self, facts: &mut MessageFacts, judge: &mut Judge<'_>, scratch: &mut Scratch) {
        let mut sources = Sources {
            pool: &self.pool,
            trust: judge.trust(),
            now: Time::from_unix(NOW).unwrap(),
            limits: &self.limits,
        };
        complete(facts, &mut sources, scratch).unwrap();
    }

    /// With the certificates that `messages` carry.
    pub fn over(messages: &[&[u8]], keys: &Keyring, trusted: &Trusted) -> Self {
        let limits = Limits::default();
        let mut pool = PoolBuilder::new(Spool::file(tempfile::tempfile().unwrap()));
        let (settings, mut scratch) = (Settings::default(), Scratch::default());
        for message in messages {
            for certificate in collect(message, keys, &settings, &mut scratch).certificates {
                pool.insert_certificate(&certificate.der, Provenance::Message)
                    .unwrap();
            }
        }
        let anchors = trusted.anchors.certificates.values().map(Vec::as_slice);
        let anchors = Anchors::new(anchors, &mut pool).unwrap();
        for crl in trusted.crls.crls.values() {
            pool.insert_crl(crl, Provenance::Given).unwrap();
        }
        let pool = pool.finish();
        let hierarchy = Hierarchy::new(&pool, &anchors, &limits).unwrap();
        Self {
            pool,
            hierarchy,
            policy: Policy::default(),
            limits,
        }
    }

    pub fn bench(&self) -> Bench<'_> {
        Bench {
            pool: &self.pool,
            hierarchy: &self.hierarchy,
            policy: &self.policy,
            clocks: Clocks {
                now: Time::from_unix(NOW).unwrap(),
            },
            limits: &self.limits,
            render: render_options(),
        }
    }
}

pub fn collect(
    message: &[u8],
    keys: &Keyring,
    settings: &Settings,
    scratch: &mut Scratch,
) -> Collected {
    let message = Message {
        bytes: message,
        form: Form::Mail,
        origin: Origin::default(),
    };
    facts::collect(&message, keys, settings, scratch)
}

/// Renders one message as the pipeline does.
pub fn render(facts: &MessageFacts, verdict: &MessageVerdict, pool: &Pool, out: &mut Rendered) {
    let place = Place {
        archive: 0,
        path: "mail.mbox",
        path_bytes: None,
        folder: "mail.mbox",
        offset: 1 << 30,
        length: 36_000,
    };
    let lookup = Lookup {
        certificate: &|sha256| Some(pool.find(sha256)?.0),
        recipient: &|identifier| certificates::named_by(identifier, pool),
    };
    report::render(&place, facts, verdict, &lookup, &render_options(), out).unwrap();
}

/// Facts as pass 1 writes them: one block.
pub fn block(facts: Vec<MessageFacts>) -> store::Block<u8> {
    let event = |facts| Event::Message {
        offset: 1 << 30,
        length: 36_000,
        facts: Box::new(facts),
    };
    store::Block {
        file: None,
        events: facts.into_iter().map(event).collect(),
        cursor: 0,
    }
}

/// The facts of a block.
pub fn unblock(block: store::Block<u8>) -> Vec<MessageFacts> {
    let facts = |event| match event {
        Event::Message { facts, .. } => Some(*facts),
        _ => None,
    };
    block.events.into_iter().filter_map(facts).collect()
}

/// A frame, as if it were read from a facts file.
pub fn frame(encoded: &[u8]) -> store::Frame {
    let file = tempfile::tempfile().unwrap();
    let head = Head {
        version: String::new(),
        openssl: String::new(),
        all: false,
        hash_inputs: false,
        file_times: false,
        keys: 0,
        keyring: [0; 32],
    };
    let mut writer = store::Writer::create(file.try_clone().unwrap(), &head).unwrap();
    writer.frame(encoded).unwrap();
    writer.flush(false).unwrap();
    let (mut reader, _) = store::Reader::open(file).unwrap();
    reader.next_frame().unwrap().unwrap()
}

impl<'b> Batch<'b> {
    pub fn new(messages: Vec<&'b [u8]>, keys: &'b Keyring) -> Self {
        Self {
            messages,
            keys,
            settings: Settings::default(),
            scratch: Scratch::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Takes every step with every message, and notes what each step took for the whole batch.
    pub fn steps(&mut self, court: &Court, judge: &mut Judge<'_>, rounds: &mut Rounds) {
        let mut took = [Duration::ZERO; STEPS.len()];
        let mut facts = Vec::with_capacity(self.messages.len());
        took[0] = time(|| {
            for message in &self.messages {
                let collected = collect(message, self.keys, &self.settings, &mut self.scratch);
                facts.extend(collected.facts.map(|facts| *facts));
            }
        });
        let block = block(facts);
        let mut encoded = Vec::new();
        took[1] = time(|| encoded = store::encode(Kind::Block, &block).unwrap());
        let frame = frame(&encoded);
        let mut decoded = None;
        took[2] = time(|| decoded = Some(frame.decode::<store::Block<u8>>().unwrap()));
        let mut facts = unblock(decoded.unwrap());
        took[3] = time(|| {
            for facts in &mut facts {
                court.complete(facts, judge, &mut self.scratch);
            }
        });
        let mut verdicts = Vec::with_capacity(facts.len());
        took[4] = time(|| {
            for facts in &facts {
                verdicts.push(judge::judge(facts, judge).unwrap());
            }
        });
        let mut rendered = Rendered::default();
        took[5] = time(|| {
            for (facts, verdict) in facts.iter().zip(&verdicts) {
                render(facts, verdict, &court.pool, &mut rendered);
            }
        });
        let mut tally = report::Tally::default();
        let mut usages = report::Usages::default();
        took[6] = time(|| {
            tally.join(&rendered.tally);
            usages.join(&rendered.usages);
        });
        for (name, took) in STEPS.iter().zip(took) {
            rounds.note(name, took);
        }
    }
}
