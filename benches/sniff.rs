//! What every message goes through: the splitter, the sniff, the walk over its parts.
//!
//! Floor: reading memory once (see `pipeline`). Bound: the sniff reads a header and looks for delimiters, so it must be near that floor.
#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::io::Cursor;
use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use mailseal::archive::{Archive, ReadOptions};
use mailseal::limits::Limits;
use mailseal::mime::sniff::may_hold_smime;
use mailseal::mime::{Tree, smime};

use crate::material::mail::{self, Lines};
use crate::material::party::World;

fn main() {
    divan::main();
}

static ORDINARY: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| (0..200).map(mail::ordinary).collect());

static SIGNED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let world = World::new(2);
    (0..20)
        .map(|number| mail::signed(&world, number, Lines::Lf).stored)
        .collect()
});

fn total(messages: &[Vec<u8>]) -> BytesCount {
    BytesCount::new(messages.iter().map(Vec::len).sum::<usize>())
}

/// 200 messages: text, HTML, attachments.
#[divan::bench]
fn sniff_ordinary(bencher: Bencher<'_, '_>) {
    bencher.counter(total(&ORDINARY)).bench(|| {
        ORDINARY
            .iter()
            .filter(|message| may_hold_smime(black_box(message)))
            .count()
    });
}

/// The walker over the same, which the sniff spares them.
#[divan::bench]
fn tree_ordinary(bencher: Bencher<'_, '_>) {
    let limits = Limits::default();
    bencher.counter(total(&ORDINARY)).bench(|| {
        ORDINARY
            .iter()
            .map(|message| Tree::read(black_box(message), &limits).parts.len())
            .sum::<usize>()
    });
}

/// The walker and the search for S/MIME parts over 20 signed messages of 36 KB.
#[divan::bench]
fn tree_and_candidates_signed(bencher: Bencher<'_, '_>) {
    let limits = Limits::default();
    bencher.counter(total(&SIGNED)).bench(|| {
        SIGNED
            .iter()
            .map(|message| smime::find(&Tree::read(black_box(message), &limits)).len())
            .sum::<usize>()
    });
}

/// The splitter over an mbox in memory, blocks given back as the pipeline does.
#[divan::bench]
fn split_mbox(bencher: Bencher<'_, '_>) {
    let mbox: Vec<u8> = ORDINARY
        .iter()
        .flat_map(|message| mail::entry(message, Lines::Lf))
        .collect();
    bencher
        .counter(BytesCount::new(mbox.len()))
        .with_inputs(|| mbox.clone())
        .bench_values(|mbox| {
            let reader = Box::new(Cursor::new(mbox));
            let mut archive =
                Archive::from_reader("bench", reader, ReadOptions::default()).unwrap();
            let mut items = 0;
            while let Some(block) = archive.next_block() {
                items += block.items.len();
                archive.recycle(block.bytes);
            }
            items
        });
}
