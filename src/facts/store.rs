//! The facts file: what pass 1 writes and pass 2 reads, in archive order.
//!
//! A magic line, then frames: kind (1 octet), length (4 octets, little-endian), and a zstd stream with checksum of a postcard value.
//! A file that ends inside a frame was interrupted: everything before that frame is good.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zstd::stream::raw::{Decoder as RawDecoder, InBuffer, Operation, OutBuffer};

use crate::facts::record::MessageFacts;

/// First bytes of a facts file; the number changes with the format.
const MAGIC: &[u8] = b"mailseal facts 4\n";

/// zstd level: the fastest that still halves repeated names.
const LEVEL: i32 = 1;

/// Largest frame accepted, in bytes: a block of messages gives far less.
const FRAME_BYTES: u32 = 1 << 30;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Head`]: first in the file.
    Head,
    /// DER of a certificate that was not seen before.
    Certificate,
    /// DER of a CRL that was not seen before.
    Crl,
    /// DER of a certificate that came with the keys; between the head and the first block.
    Own,
    /// [`Block`].
    Block,
    /// SHA-256 of input files, as pairs of number and digest.
    Digests,
    /// The archive was read to its end.
    End,
    /// How far a migration is: not in a facts file, but in the journal of `decrypt`.
    Checkpoint,
}

impl Kind {
    const ALL: [(Self, u8); 8] = [
        (Self::Head, b'H'),
        (Self::Certificate, b'C'),
        (Self::Crl, b'L'),
        (Self::Own, b'O'),
        (Self::Block, b'B'),
        (Self::Digests, b'D'),
        (Self::End, b'E'),
        (Self::Checkpoint, b'P'),
    ];

    fn octet(self) -> u8 {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or(0, |(_, octet)| *octet)
    }

    fn from_octet(octet: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == octet)
            .map(|(kind, _)| *kind)
    }
}

/// Under which conditions the facts were collected: what must be the same to go on with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of mailseal.
    pub version: String,
    /// Version of OpenSSL.
    pub openssl: String,
    /// Every message has a record.
    pub all: bool,
    /// The file has the SHA-256 of every input.
    pub hash_inputs: bool,
    /// The facts have the times of files.
    pub file_times: bool,
    /// Number of keys in the keyring.
    pub keys: u64,
    /// Digest of the keyring's public keys.
    pub keyring: [u8; 32],
}

/// The facts of one block of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block<C> {
    /// The file that is open where the block begins.
    pub file: Option<FileStart>,
    /// What happened, in archive order.
    pub events: Vec<Event>,
    /// Where reading goes on behind the block, in the archive's own terms.
    pub cursor: C,
}

/// A file of the archive begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStart {
    /// Index into inputs.csv.
    pub input: u32,
    /// Which argument it was found under, from 0.
    pub argument: u32,
    /// Path relative to the argument, for people.
    pub path: String,
    /// Its bytes, where `path` does not say them all.
    pub path_bytes: Option<Vec<u8>>,
    /// Its messages are a folder by themselves (mbox), not one of a folder's files.
    pub mailbox: bool,
    /// `none`, `gzip`, `zstd`.
    pub compression: String,
}

/// One thing that happened while the archive was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A file begins.
    FileStart(FileStart),
    /// Messages without a record: how many, and their bytes.
    Ordinary {
        /// How many.
        messages: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// A message with a record.
    Message {
        /// Bytes from the start of the uncompressed file.
        offset: u64,
        /// Its bytes.
        length: u64,
        /// What is true of it.
        facts: Box<MessageFacts>,
    },
    /// Bytes between messages.
    Between {
        /// How many.
        bytes: u64,
    },
    /// Something could not be read or was skipped.
    Fault(Fault),
    /// A file ends.
    FileEnd(FileEnd),
}

/// Something that could not be read or was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What, as in faults.csv.
    pub code: String,
    /// The stage that noticed: `archive`, `mime`, `cms` …
    pub stage: String,
    /// Bytes from the start of the uncompressed file.
    pub offset: u64,
    /// Bytes that belong to no message because of it.
    pub length: u64,
    /// For people.
    pub detail: String,
    /// Bytes of the archive were left unread: the run is incomplete.
    pub incomplete: bool,
}

/// A file of the archive ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEnd {
    /// `mbox`, `maildir`, `eml`, `cms`, `other`.
    pub kind: String,
    /// mbox only.
    pub variant: Option<String>,
    /// Bytes of the uncompressed file.
    pub bytes: u64,
}

/// Encodes a frame. Workers do it, so that the writer only writes.
///
/// # Errors
/// When memory runs out inside zstd.
pub fn encode<T: Serialize + ?Sized>(kind: Kind, value: &T) -> io::Result<Vec<u8>> {
    let plain = postcard::to_stdvec(value).map_err(io::Error::other)?;
    let mut encoder = zstd::stream::Encoder::new(Vec::with_capacity(plain.len() / 2 + 64), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(&plain)?;
    let payload = encoder.finish()?;
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(payload.len() + 5);
    frame.push(kind.octet());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&payload);
    Ok(frame)
}

/// Writes a facts file.
#[derive(Debug)]
pub struct Writer {
    file: io::BufWriter<File>,
}

impl Writer {
    /// Begins a file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn create(file: File, head: &Head) -> io::Result<Self> {
        let mut writer = Self::append(file);
        writer.file.write_all(MAGIC)?;
        writer.frame(&encode(Kind::Head, head)?)?;
        Ok(writer)
    }

    /// Goes on where `file` is positioned.
    #[must_use]
    pub fn append(file: File) -> Self {
        Self {
            file: io::BufWriter::with_capacity(1 << 16, file),
        }
    }

    /// Adds a frame made by [`encode`].
    ///
    /// # Errors
    /// When it can't be written.
    pub fn frame(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write_all(frame)
    }

    /// Hands everything to the system; with `sync`, to the disk.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn flush(&mut self, sync: bool) -> io::Result<()> {
        self.file.flush()?;
        if sync {
            self.file.get_ref().sync_data()?;
        }
        Ok(())
    }
}

/// A frame as it stands in the file; decoding is the workers' business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it holds.
    pub kind: Kind,
    payload: Vec<u8>,
}

impl Frame {
    /// The value.
    ///
    /// # Errors
    /// When the frame is damaged, or of another kind.
    pub fn decode<T: DeserializeOwned>(&self) -> io::Result<T> {
        let plain = inflated(&self.payload)?;
        postcard::from_bytes(&plain)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Bytes in the file, for permits.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.payload.len()
    }
}

thread_local! {
    /// Making a context of zstd costs more than inflating a certificate, and most frames are one: one context for each
    /// thread, begun anew for each frame, saves time and changes nothing.
    static CONTEXT: RefCell<Option<RawDecoder<'static>>> = const { RefCell::new(None) };
}

/// What a frame's payload inflates to.
fn inflated(payload: &[u8]) -> io::Result<Vec<u8>> {
    CONTEXT.with_borrow_mut(|context| {
        let decoder = match context {
            Some(decoder) => {
                decoder.reinit()?;
                decoder
            }
            None => context.insert(RawDecoder::new()?),
        };
        let mut plain = Vec::with_capacity(payload.len().saturating_mul(4).max(1 << 12));
        let mut input = InBuffer::around(payload);
        loop {
            if plain.capacity() == plain.len() {
                plain.reserve(plain.len());
            }
            let before = plain.len();
            let mut output = OutBuffer::around_pos(&mut plain, before);
            let wanted = decoder.run(&mut input, &mut output)?;
            let is_through = input.pos() == payload.len();
            match (wanted, is_through) {
                (0, true) => return Ok(plain),
                // A payload is one stream: what is behind it is none of ours.
                (0, false) => return Err(io::ErrorKind::InvalidData.into()),
                (_, true) if plain.len() == before => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                (_, _) => {}
            }
        }
    })
}

/// Reads a facts file.
#[derive(Debug)]
pub struct Reader {
    file: BufReader<File>,
    /// Behind the last complete frame.
    position: u64,
}

impl Reader {
    /// Opens a file and reads its head.
    ///
    /// # Errors
    /// `InvalidData` when it is no facts file of this version, `UnexpectedEof` when it ends before it could be told.
    pub fn open(mut file: File) -> io::Result<(Self, Head)> {
        file.seek(SeekFrom::Start(0))?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a facts file of this version",
            ));
        }
        let mut reader = Self {
            file,
            position: MAGIC.len().try_into().map_err(io::Error::other)?,
        };
        let head = match reader.next_frame()? {
            Some(frame) if frame.kind == Kind::Head => frame.decode()?,
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a facts file without a head",
                ));
            }
        };
        Ok((reader, head))
    }

    /// The next frame; None at the end, or where the file was cut off inside a frame.
    ///
    /// # Errors
    /// When the file can't be read, or a frame is impossible.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut head = [0; 5];
        if !read_or_end(&mut self.file, &mut head)? {
            return Ok(None);
        }
        let [octet, length @ ..] = head;
        let length = u32::from_le_bytes(length);
        let kind = Kind::from_octet(octet).filter(|_| length <= FRAME_BYTES);
        let Some(kind) = kind else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a damaged facts file",
            ));
        };
        let mut payload = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        if !read_or_end(&mut self.file, &mut payload)? {
            return Ok(None);
        }
        self.position += 5 + u64::from(length);
        Ok(Some(Frame { kind, payload }))
    }

    /// Bytes from the start of the file to behind the last complete frame.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}

/// Fills the buffer; false where the file ends before that.
fn read_or_end(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            version: "0".to_owned(),
            openssl: "3".to_owned(),
            all: true,
            hash_inputs: false,
            file_times: false,
            keys: 0,
            keyring: [7; 32],
        }
    }

    fn block(messages: u64) -> Block<u8> {
        Block {
            file: None,
            events: vec![Event::Ordinary { messages, bytes: 9 }],
            cursor: 2,
        }
    }

    #[test]
    fn frames_come_back_and_a_torn_tail_is_left_out() {
        let file = tempfile::tempfile().unwrap();
        let mut writer = Writer::create(file.try_clone().unwrap(), &head()).unwrap();
        for messages in 0..3 {
            writer
                .frame(&encode(Kind::Block, &block(messages)).unwrap())
                .unwrap();
        }
        writer.flush(true).unwrap();
        let whole = file.metadata().unwrap().len();
        let last = encode(Kind::Block, &block(2)).unwrap().len() as u64;
        for (length, frames) in [
            (whole, 3),
            (whole - 1, 2),
            (whole - last, 2),
            (whole - last + 3, 2),
        ] {
            file.set_len(length).unwrap();
            let (mut reader, seen) = Reader::open(file.try_clone().unwrap()).unwrap();
            assert_eq!(seen, head());
            let mut count = 0;
            while let Some(frame) = reader.next_frame().unwrap() {
                assert_eq!(frame.decode::<Block<u8>>().unwrap(), block(count));
                count += 1;
            }
            assert_eq!(count, frames, "{length}");
            if frames == 2 {
                assert_eq!(reader.position(), whole - last);
            }
        }
    }

    #[test]
    fn a_frame_of_any_size_comes_back_and_a_part_of_one_does_not() {
        for size in [0, 1, 4095, 4096, 1 << 20] {
            let value: Vec<u8> = (0..size).map(|at: u32| (at / 7 % 251) as u8).collect();
            let frame = encode(Kind::Certificate, &value).unwrap();
            let decoded = |payload: &[u8]| {
                let kind = Kind::Certificate;
                let payload = payload.to_vec();
                Frame { kind, payload }.decode::<Vec<u8>>()
            };
            assert_eq!(decoded(&frame[5..]).unwrap(), value, "{size}");
            assert!(decoded(&frame[5..frame.len() - 1]).is_err(), "{size}");
            assert!(decoded(&[&frame[5..], b"x"].concat()).is_err(), "{size}");
            // What went wrong leaves nothing behind.
            assert_eq!(decoded(&frame[5..]).unwrap(), value, "{size}");
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let frame = encode(Kind::Block, &block(5)).unwrap();
        let payload = frame[5..].to_vec();
        for at in 0..payload.len() {
            let mut payload = payload.clone();
            payload[at] ^= 1;
            let damaged = Frame {
                kind: Kind::Block,
                payload,
            };
            if let Ok(value) = damaged.decode::<Block<u8>>() {
                assert_eq!(value, block(5), "byte {at}");
            }
        }
    }
}
