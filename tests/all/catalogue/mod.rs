//! The catalogue: a test for each row, named by its ID. Each makes its input with the toolkit, runs an audit on it, and holds the
//! record in messages.jsonl against the words of the report.

pub mod audit;

mod a_asserted;
mod a_axes;
mod a_chain;
mod a_completion;
mod a_determinism;
mod a_embedded;
mod a_identity;
mod a_matrix;
mod a_ocsp;
mod a_poison;
mod a_revocation;
mod a_signers;
mod a_strength;
mod a_times;
mod b_coverage;
mod b_mime;
mod b_protected;
mod b_sender;
mod c_ciphers;
mod c_decrypt;
mod c_decryption;
mod c_keys;
mod c_ladder;
mod c_oracles;
mod d_work;
mod e_interop;
mod f_archive;
mod f_interop;
mod f_layers;
mod f_message;
mod f_program;
mod g_sums;
mod i_dossier;
mod i_harvest;
mod look;
mod migrated;
