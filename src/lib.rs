//! mailseal streams mail archives, verifies or decrypts every S/MIME message in them, and reports what it found.
//!
//! # The flow
//!
//! ```text
//! archive ─ blocks ─▶ mime ─▶ cms ─▶ facts ──▶ facts file ─▶ judge ─▶ report      pass 1 reads the archive once, in parallel
//!                                     │        ▲                                  pass 2 reads the facts and the pool only
//!                                     └▶ pool ─┘
//! ```
//!
//! A message makes six stops, in this order: [`archive`] cuts files into messages with their byte offsets; [`mime`] finds the
//! parts; [`cms`] reads the layers in them; [`facts`] states what is true of the bytes, without clock, anchor or policy;
//! [`judge`] turns facts into verdicts once the whole archive has been seen; [`report`] writes them down.
//! [`pipeline`] joins the stages. [`asn1`], [`crypto`] and [`pki`] are the ground they stand on, [`jobs`] is what a user asks for.
//!
//! # Who may import whom
//!
//! | module | may import |
//! |---|---|
//! | asn1, mime | – |
//! | archive | mime |
//! | crypto | asn1 |
//! | cms | asn1 |
//! | pki | asn1, cms, crypto |
//! | facts | asn1, mime, cms, pki, crypto |
//! | judge | asn1, facts, pki |
//! | report | asn1, facts, judge, pki |
//! | pipeline | archive, mime, facts, judge, report, pki |
//! | jobs | all of the above |
//! | cli | everything; nobody imports it |
//!
//! [`limits`] and [`error`] are free for all. `tests/all/layers.rs` holds the same table against the sources.

#![cfg_attr(
    test,
    allow(clippy::as_conversions, reason = "a panic is how a test fails")
)]

pub mod archive;

pub mod mime;

pub mod cms;

pub mod facts;

pub mod judge;

pub mod report;

pub mod pipeline;

pub mod jobs;

pub mod cli;

pub mod asn1;

pub mod crypto;

pub mod pki;

pub mod limits;

pub mod error;

pub mod manual;
