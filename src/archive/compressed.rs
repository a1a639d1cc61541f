//! A file's uncompressed bytes in order. Compression is told by content: gzip (RFC 1952 §2.3.1) and Zstandard (RFC 8878 §3.1.1).
//!
//! Members and frames that follow one another are one stream, as `gzip -d` and `zstd -d` read them. One layer is taken off, not two.

use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::BufRead;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use flate2::bufread::MultiGzDecoder;

use crate::archive::block::Compression;
use crate::archive::block::FaultCode;
use crate::archive::block::FaultDetail;
use crate::limits::Limits;

/// Why no more bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub code: FaultCode,
    pub detail: FaultDetail,
}

/// Where the stored bytes come from.
pub(super) enum Raw {
    File(File),
    Pipe(Box<dyn Read + Send>),
}

/// The uncompressed bytes of one file.
pub(super) struct Stream {
    decoder: Decoder,
    /// Bytes given back by [`Stream::put_back`], the next one at `put_back_at`.
    put_back: Vec<u8>,
    put_back_at: usize,
    /// Uncompressed bytes that left the decoder.
    produced: u64,
    ratio: u64,
    ratio_free_bytes: u64,
    /// What ended the stream, once something did.
    broken: Option<Broken>,
}

enum Decoder {
    Plain(Stored),
    Gzip(Box<MultiGzDecoder<Stored>>),
    Zstd(Box<zstd::Decoder<'static, Stored>>),
}

/// How often the ratio is looked at, in uncompressed bytes: at fixed places, so that the cut does not depend on how much is asked for.
const RATIO_STEP_BYTES: u64 = 1 << 20;

impl Stream {
    /// Looks at the first bytes. Never fails: a fault shows at the first read.
    pub fn open(raw: Raw, limits: &Limits) -> Self {
        let mut stored = Stored::new(raw);
        let magic = stored.peek();
        let mut broken = magic.as_ref().err().map(|error| Broken {
            code: FaultCode::ReadError,
            detail: FaultDetail::Io(error.kind()),
        });
        let decoder = match magic.unwrap_or_default() {
            [0x1f, 0x8b, 8, _] => Decoder::Gzip(Box::new(MultiGzDecoder::new(stored))),
            // A frame, or a skippable frame before one.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                match zstd::Decoder::with_buffer(stored) {
                    Ok(decoder) => Decoder::Zstd(Box::new(decoder)),
                    Err(error) => {
                        broken = Some(Broken {
                            code: FaultCode::CompressedDamaged,
                            detail: FaultDetail::Io(error.kind()),
                        });
                        Decoder::Plain(Stored::new(Raw::Pipe(Box::new(io::empty()))))
                    }
                }
            }
            _ => Decoder::Plain(stored),
        };
        Self {
            decoder,
            put_back: Vec::new(),
            put_back_at: 0,
            produced: 0,
            ratio: limits.inflate_ratio,
            ratio_free_bytes: limits.ratio_free_bytes,
            broken,
        }
    }

    pub fn compression(&self) -> Compression {
        match self.decoder {
            Decoder::Plain(_) => Compression::None,
            Decoder::Gzip(_) => Compression::Gzip,
            Decoder::Zstd(_) => Compression::Zstd,
        }
    }

    /// Bytes on disk that have been used so far.
    pub fn stored_bytes_used(&self) -> u64 {
        self.stored().used
    }

    fn stored(&self) -> &Stored {
        match &self.decoder {
            Decoder::Plain(stored) => stored,
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref(),
        }
    }

    /// The next bytes, as many as come at once; 0 at the end.
    ///
    /// # Errors
    /// What ended the stream; the same again when asked again.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Broken> {
        if self.put_back_at < self.put_back.len() {
            let mut rest = self.put_back.get(self.put_back_at..).unwrap_or_default();
            let count = rest.read(into).unwrap_or(0);
            self.put_back_at += count;
            return Ok(count);
        }
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let result = self.decode(into);
        self.broken = result.err();
        result
    }

    fn decode(&mut self, into: &mut [u8]) -> Result<usize, Broken> {
        let mut into = into;
        if !matches!(self.decoder, Decoder::Plain(_)) {
            if self.produced.is_multiple_of(RATIO_STEP_BYTES) {
                self.check_ratio()?;
            }
            let step = RATIO_STEP_BYTES - self.produced % RATIO_STEP_BYTES;
            let most = usize::try_from(step).map_or(into.len(), |step| into.len().min(step));
            into = into.get_mut(..most).unwrap_or_default();
        }
        loop {
            let result = match &mut self.decoder {
                Decoder::Plain(stored) => stored.read(into),
                Decoder::Gzip(decoder) => decoder.read(into),
                Decoder::Zstd(decoder) => decoder.read(into),
            };
            match result {
                Ok(count) => {
                    self.produced += u64::try_from(count).unwrap_or(0);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(match self.stored().failed {
                        Some(kind) => Broken {
                            code: FaultCode::ReadError,
                            detail: FaultDetail::Io(kind),
                        },
                        None => Broken {
                            code: FaultCode::CompressedDamaged,
                            detail: FaultDetail::Io(error.kind()),
                        },
                    });
                }
            }
        }
    }

    fn check_ratio(&self) -> Result<(), Broken> {
        let counted = self.produced.saturating_sub(self.ratio_free_bytes);
        if counted <= self.stored().used.saturating_mul(self.ratio) {
            return Ok(());
        }
        let left = match &self.stored().raw {
            Raw::File(file) => file.metadata().map_or(0, |metadata| metadata.len()),
            Raw::Pipe(_) => 0,
        };
        Err(Broken {
            code: FaultCode::DecompressionRatio,
            detail: match left.saturating_sub(self.stored().used) {
                0 => FaultDetail::None,
                left => FaultDetail::StoredBytesLeft(left),
            },
        })
    }

    /// Ends behind this many stored bytes, whatever else is written behind them meanwhile.
    pub fn bound(&mut self, stored_bytes: u64) {
        let stored = match &mut self.decoder {
            Decoder::Plain(stored) => stored,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.get_mut(),
        };
        let buffered = stored.buffer.len().saturating_sub(stored.at);
        let taken = stored
            .used
            .saturating_add(u64::try_from(buffered).unwrap_or(0));
        stored.left = Some(stored_bytes.saturating_sub(taken));
        stored.bound = Some(stored_bytes);
    }

    /// What the system says of the file now; None for a stream.
    pub fn metadata(&self) -> Option<Metadata> {
        match &self.stored().raw {
            Raw::File(file) => file.metadata().ok(),
            Raw::Pipe(_) => None,
        }
    }

    /// Gives back what was read for a look, before anything else was read.
    pub fn put_back(&mut self, bytes: Vec<u8>) {
        self.put_back = bytes;
        self.put_back_at = 0;
    }

    /// Goes to an offset of the uncompressed bytes; only directly after [`Stream::open`]. Compressed bytes are read up to there.
    ///
    /// # Errors
    /// As [`Stream::read`]. An offset past the end is no error: nothing follows it.
    pub fn skip_to(&mut self, offset: u64) -> Result<(), Broken> {
        if let Decoder::Plain(stored) = &mut self.decoder
            && stored.seek(offset)
        {
            self.produced = offset;
            return Ok(());
        }
        let mut scratch = vec![0; 1 << 16];
        let mut left = offset;
        while left > 0 {
            let most = usize::try_from(left).map_or(scratch.len(), |left| left.min(scratch.len()));
            let count = self.read(scratch.get_mut(..most).unwrap_or_default())?;
            if count == 0 {
                break;
            }
            left -= u64::try_from(count).unwrap_or(left);
        }
        Ok(())
    }
}

/// The stored bytes, counted as they are used. An uncompressed file is read straight into the block, past the buffer.
struct Stored {
    raw: Raw,
    buffer: Vec<u8>,
    at: usize,
    used: u64,
    /// Stored bytes up to the bound, if there is one.
    left: Option<u64>,
    bound: Option<u64>,
    failed: Option<ErrorKind>,
}

/// Stored bytes read at once for a decoder.
const STORED_BYTES: usize = 64 << 10;

/// Bytes that tell a compressed file.
const MAGIC_BYTES: usize = 4;

impl Stored {
    fn new(raw: Raw) -> Self {
        Self {
            raw,
            buffer: Vec::new(),
            at: 0,
            used: 0,
            left: None,
            bound: None,
            failed: None,
        }
    }

    /// The first four bytes, zeros where the file is shorter. They are not used up.
    fn peek(&mut self) -> io::Result<[u8; MAGIC_BYTES]> {
        let mut magic = [0; MAGIC_BYTES];
        let mut filled = 0;
        while let Some(into) = magic.get_mut(filled..).filter(|into| !into.is_empty()) {
            match self.raw_read(into) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer
            .extend_from_slice(magic.get(..filled).unwrap_or_default());
        Ok(magic)
    }

    fn raw_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = self.left.and_then(|left| usize::try_from(left).ok());
        let most = most.map_or(into.len(), |most| most.min(into.len()));
        let into = into.get_mut(..most).unwrap_or_default();
        if into.is_empty() {
            return Ok(0);
        }
        let result = match &mut self.raw {
            Raw::File(file) => file.read(into),
            Raw::Pipe(pipe) => pipe.read(into),
        };
        if let Err(error) = &result
            && error.kind() != ErrorKind::Interrupted
        {
            self.failed = Some(error.kind());
        }
        if let (Ok(count), Some(left)) = (&result, &mut self.left) {
            *left = left.saturating_sub(u64::try_from(*count).unwrap_or(0));
        }
        result
    }

    /// False where the source has no places.
    fn seek(&mut self, offset: u64) -> bool {
        let Raw::File(file) = &mut self.raw else {
            return false;
        };
        if file.seek(SeekFrom::Start(offset)).is_err() {
            return false;
        }
        self.buffer.clear();
        self.at = 0;
        self.left = self.bound.map(|bound| bound.saturating_sub(offset));
        true
    }
}

impl Read for Stored {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffered = self.buffer.get(self.at..).unwrap_or_default();
        let count = if buffered.is_empty() {
            self.raw_read(into)?
        } else {
            let count = buffered.read(into)?;
            self.at += count;
            count
        };
        self.used += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}

impl BufRead for Stored {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.buffer.len() {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(STORED_BYTES, 0);
            let result = self.raw_read(&mut buffer);
            buffer.truncate(*result.as_ref().unwrap_or(&0));
            self.buffer = buffer;
            self.at = 0;
            result?;
        }
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
        self.used += u64::try_from(count).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression as Level;
    use flate2::write::GzEncoder;

    use super::*;

    /// Gives at most `step` bytes at once, and is interrupted before each.
    struct Odd {
        bytes: Vec<u8>,
        at: usize,
        step: usize,
        interrupted: bool,
    }

    impl Read for Odd {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(ErrorKind::Interrupted.into());
            }
            let count = self.step.min(into.len()).min(self.bytes.len() - self.at);
            into[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
            self.at += count;
            Ok(count)
        }
    }

    fn odd(bytes: &[u8], step: usize) -> Raw {
        Raw::Pipe(Box::new(Odd {
            bytes: bytes.to_vec(),
            at: 0,
            step,
            interrupted: false,
        }))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn all(raw: Raw, limits: &Limits) -> (Vec<u8>, Compression, Option<FaultCode>) {
        let mut stream = Stream::open(raw, limits);
        let (mut bytes, mut chunk) = (Vec::new(), vec![0; 7001]);
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => return (bytes, stream.compression(), None),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(broken) => {
                    assert_eq!(stream.read(&mut chunk), Err(broken), "a fault stays");
                    return (bytes, stream.compression(), Some(broken.code));
                }
            }
        }
    }

    fn text() -> Vec<u8> {
        (0..20_000u32)
            .flat_map(|n| format!("line {n}\n").into_bytes())
            .collect()
    }

    #[test]
    fn e_31_concatenated_members_and_frames_are_one_stream() {
        let text = text();
        let (a, b) = text.split_at(70_000);
        for step in [1, 3, 4096, usize::MAX] {
            let gz = [gzip(a), gzip(b""), gzip(b)].concat();
            assert_eq!(
                all(odd(&gz, step), &Limits::default()),
                (text.clone(), Compression::Gzip, None)
            );
            let frames = [
                zstd::encode_all(a, 3).unwrap(),
                b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(),
                zstd::encode_all(b, 3).unwrap(),
            ]
            .concat();
            assert_eq!(
                all(odd(&frames, step), &Limits::default()),
                (text.clone(), Compression::Zstd, None)
            );
            assert_eq!(
                all(odd(&text, step), &Limits::default()),
                (text.clone(), Compression::None, None)
            );
        }
    }

    #[test]
    fn short_files_are_plain() {
        for bytes in [&b""[..], b"F", b"\x1f\x8b", b"abc", b"abcd", b"abcde"] {
            assert_eq!(
                all(odd(bytes, 2), &Limits::default()),
                (bytes.to_vec(), Compression::None, None)
            );
        }
    }

    #[test]
    fn what_was_read_before_damage_counts() {
        let text = text();
        for compressed in [gzip(&text), zstd::encode_all(&text[..], 3).unwrap()] {
            for cut in [5, 12, 100, compressed.len() / 2, compressed.len() - 1] {
                let (bytes, _, fault) = all(odd(&compressed[..cut], 1000), &Limits::default());
                assert_eq!(fault, Some(FaultCode::CompressedDamaged), "cut at {cut}");
                assert!(text.starts_with(&bytes));
            }
            let damaged = [&compressed[..], b"garbage"].concat();
            let (bytes, _, fault) = all(odd(&damaged, 1000), &Limits::default());
            assert_eq!(fault, Some(FaultCode::CompressedDamaged));
            assert_eq!(bytes, text);
        }
    }

    #[test]
    fn d_05_a_bomb_stops_at_the_ratio_wherever_one_reads() {
        let limits = Limits {
            ratio_free_bytes: 2 << 20,
            ..Limits::default()
        };
        let zeros = vec![0; 16 << 20];
        for bomb in [gzip(&zeros), zstd::encode_all(&zeros[..], 3).unwrap()] {
            let (bytes, _, fault) = all(odd(&bomb, usize::MAX), &limits);
            assert_eq!(fault, Some(FaultCode::DecompressionRatio));
            assert!(bytes.len() < 16 << 20 && bytes.len() >= 2 << 20);
            assert_eq!(bytes.len() % (1 << 20), 0);
        }
        let honest = zeros[..2 << 20].to_vec();
        assert_eq!(all(odd(&gzip(&honest), 5000), &limits).2, None);
    }

    #[test]
    fn a_position_is_found_again() {
        let text = text();
        for stored in [gzip(&text), text.clone()] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&stored).unwrap();
            file.rewind().unwrap();
            let mut stream = Stream::open(Raw::File(file), &Limits::default());
            stream.skip_to(70_001).unwrap();
            let mut rest = vec![0; 10];
            assert_eq!(stream.read(&mut rest), Ok(10));
            assert_eq!(rest, &text[70_001..70_011]);
        }
    }

    #[test]
    fn a_failing_disk_is_no_damage() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::TimedOut.into())
            }
        }
        let gz = gzip(&text());
        let raw = Raw::Pipe(Box::new(io::Cursor::new(gz[..900].to_vec()).chain(Failing)));
        assert_eq!(all(raw, &Limits::default()).2, Some(FaultCode::ReadError));
    }
}
