//! CompressedData (RFC 3274), inflated within bounds.

use std::io::Read;

use flate2::read::ZlibDecoder;
use zeroize::Zeroizing;

use crate::asn1::oid;
use crate::cms::CompressedData;
use crate::facts::finding::Finding;
use crate::limits::Limits;

/// Bytes asked of the inflater at a time.
const STEP_BYTES: usize = 64 << 10;

/// The content of a compressed layer.
///
/// # Errors
/// `Some` finding where a limit or an unknown algorithm is in the way, None where the data is damaged or missing.
pub fn inflate(
    data: &CompressedData<'_>,
    limits: &Limits,
) -> Result<Zeroizing<Vec<u8>>, Option<Finding>> {
    if data.algorithm.oid != oid::ZLIB_COMPRESS {
        return Err(Some(Finding::ContentTypeOdd));
    }
    let content = data
        .content
        .as_ref()
        .and_then(|content| content.bytes().ok())
        .ok_or(None)?;
    let stored = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let most = limits.inflated_bytes.min(
        stored
            .saturating_mul(limits.inflate_ratio)
            .max(limits.ratio_free_bytes),
    );
    let mut reader = ZlibDecoder::new(&*content).take(most.saturating_add(1));
    let mut plain = Zeroizing::new(Vec::new());
    let mut step = Zeroizing::new(vec![0; STEP_BYTES]);
    loop {
        match reader.read(&mut step) {
            Ok(0) => break,
            Ok(count) => plain.extend_from_slice(step.get(..count).unwrap_or_default()),
            Err(_) => return Err(None),
        }
    }
    if u64::try_from(plain.len()).unwrap_or(u64::MAX) > most {
        return Err(Some(Finding::DecompressionLimit));
    }
    Ok(plain)
}
