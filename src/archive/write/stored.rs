//! A file's bytes as they lie uncompressed, from any place in it; and compressed again.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;

use flate2::GzBuilder;
use flate2::bufread::MultiGzDecoder;

use crate::archive::block::Compression;

/// The uncompressed bytes of `file`.
///
/// # Errors
/// When a decoder can't be made.
pub fn uncompressed(file: File, compression: Compression) -> io::Result<Box<dyn Read>> {
    let file = BufReader::with_capacity(BUFFER_BYTES, file);
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(MultiGzDecoder::new(file)),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(file)?),
    })
}

/// Goes `bytes` further in `reader`.
///
/// # Errors
/// `UnexpectedEof` where it ends before; what reading gave.
pub fn skip(reader: &mut dyn Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    if skipped < bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Compresses `from` into `to`. Equal bytes give equal bytes: no name, no time.
///
/// # Errors
/// What reading or writing gave.
pub fn compress(
    from: &mut dyn Read,
    compression: Compression,
    to: &mut dyn Write,
) -> io::Result<()> {
    match compression {
        Compression::None => drop(io::copy(from, to)?),
        Compression::Gzip => {
            let mut encoder = GzBuilder::new()
                .mtime(0)
                .write(to, flate2::Compression::default());
            io::copy(from, &mut encoder)?;
            encoder.finish()?;
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(to, ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            io::copy(from, &mut encoder)?;
            encoder.finish()?;
        }
    }
    Ok(())
}

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// The level of the `zstd` program.
const ZSTD_LEVEL: i32 = 3;

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    #[test]
    fn compressed_bytes_come_back_from_any_place() {
        let bytes: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let mut file = tempfile::tempfile().unwrap();
            compress(&mut bytes.as_slice(), compression, &mut file).unwrap();
            file.rewind().unwrap();
            let mut reader = uncompressed(file, compression).unwrap();
            skip(&mut *reader, 1_000_001).unwrap();
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).unwrap();
            assert!(rest == bytes[1_000_001..], "{compression:?}");
            assert!(skip(&mut *reader, 1).is_err());
        }
    }
}
