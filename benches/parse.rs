//! The stages that a signed message goes through, each by itself; the figures are of one message unless a name says otherwise.
//!
//! Floor: SHA-256 of the message, the first row. Bound: facts written and read together under 8 % of what the message costs in all
//! (`verify` adds it up), and no other stage above a tenth of the floor.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::sync::LazyLock;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use mailseal::crypto::digest::sha256;
use mailseal::facts::record::MessageFacts;
use mailseal::facts::store::{self, Kind};
use mailseal::facts::{Scratch, Settings};
use mailseal::judge::{self, MessageVerdict};
use mailseal::limits::Limits;
use mailseal::mime::{Tree, transfer};
use mailseal::pki::keyring::Keyring;
use mailseal::report::Rendered;

use crate::material::mail::{self, Lines, Mail};
use crate::material::party::World;
use crate::material::run::Trusted;
use crate::material::steps::{self, Court};

fn main() {
    divan::main();
}

/// Messages in a batch, as many as a block of the archive holds.
const BATCH: u64 = 100;

struct Prepared {
    mail: Mail,
    cms: Vec<u8>,
    court: Court,
    facts: Vec<MessageFacts>,
    verdict: MessageVerdict,
}

static PREPARED: LazyLock<Prepared> = LazyLock::new(|| {
    let world = World::new(3);
    let mails: Vec<Mail> = (0..BATCH)
        .map(|number| mail::signed(&world, number, Lines::Lf))
        .collect();
    let stored: Vec<&[u8]> = mails.iter().map(|mail| mail.stored.as_slice()).collect();
    let keys = Keyring::empty();
    let court = Court::over(&stored, &keys, &Trusted::in_world(&world));
    let (settings, mut scratch) = (Settings::default(), Scratch::default());
    let facts: Vec<MessageFacts> = stored
        .iter()
        .map(|message| {
            let collected = steps::collect(message, &keys, &settings, &mut scratch);
            *collected.facts.unwrap()
        })
        .collect();
    let verdict = judge::judge(&facts[0], &mut court.bench().judge()).unwrap();
    let mail = mails.into_iter().next().unwrap();
    let tree = Tree::read(&mail.stored, &Limits::default());
    let cms = transfer::cms_bytes(&tree, tree.parts.len() - 1)
        .bytes
        .into_owned();
    assert!(transfer::looks_like_ber(&cms));
    Prepared {
        mail,
        cms,
        court,
        facts,
        verdict,
    }
});

#[divan::bench]
fn floor_sha256(bencher: Bencher<'_, '_>) {
    let stored = &PREPARED.mail.stored;
    bencher
        .counter(BytesCount::new(stored.len()))
        .bench(|| sha256(black_box(stored)));
}

#[divan::bench]
fn decode_base64_of_signature(bencher: Bencher<'_, '_>) {
    let tree = Tree::read(&PREPARED.mail.stored, &Limits::default());
    let part = tree.parts.len() - 1;
    bencher.bench(|| transfer::cms_bytes(black_box(&tree), part).bytes.len());
}

#[divan::bench]
fn read_cms(bencher: Bencher<'_, '_>) {
    let limits = Limits::default();
    bencher
        .counter(BytesCount::new(PREPARED.cms.len()))
        .bench(|| mailseal::cms::read(black_box(&PREPARED.cms), &limits).is_ok());
}

#[divan::bench]
fn collect(bencher: Bencher<'_, '_>) {
    let (keys, settings) = (Keyring::empty(), Settings::default());
    bencher
        .counter(BytesCount::new(PREPARED.mail.stored.len()))
        .with_inputs(Scratch::default)
        .bench_local_values(|mut scratch| {
            steps::collect(
                black_box(&PREPARED.mail.stored),
                &keys,
                &settings,
                &mut scratch,
            )
        });
}

#[divan::bench]
fn facts_encode_100_messages(bencher: Bencher<'_, '_>) {
    let block = steps::block(PREPARED.facts.clone());
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench(|| store::encode(Kind::Block, black_box(&block)).unwrap());
}

#[divan::bench]
fn facts_decode_100_messages(bencher: Bencher<'_, '_>) {
    let block = steps::block(PREPARED.facts.clone());
    let frame = steps::frame(&store::encode(Kind::Block, &block).unwrap());
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench(|| frame.decode::<store::Block<u8>>().unwrap());
}

#[divan::bench]
fn complete_known_signer(bencher: Bencher<'_, '_>) {
    let court = &PREPARED.court;
    let bench = court.bench();
    let mut judge = bench.judge();
    bencher
        .with_inputs(|| (PREPARED.facts[0].clone(), Scratch::default()))
        .bench_local_values(|(mut facts, mut scratch)| {
            court.complete(&mut facts, &mut judge, &mut scratch);
            facts
        });
}

#[divan::bench]
fn judge_known_signer(bencher: Bencher<'_, '_>) {
    let bench = PREPARED.court.bench();
    let mut judge = bench.judge();
    let facts = &PREPARED.facts[0];
    bencher.bench_local(|| judge::judge(black_box(facts), &mut judge).unwrap());
}

#[divan::bench]
fn report_render(bencher: Bencher<'_, '_>) {
    let prepared = &*PREPARED;
    let mut rendered = Rendered::default();
    bencher.bench_local(|| {
        rendered.clear();
        steps::render(
            black_box(&prepared.facts[0]),
            &prepared.verdict,
            &prepared.court.pool,
            &mut rendered,
        );
    });
}
