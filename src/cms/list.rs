//! SET OF and SEQUENCE OF whose length is bounded.

use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::Element;
use crate::asn1::Reader;

/// Hands every element inside `list` to `each`, which must read it; an error before the one past `limit`. Gives their number.
pub(super) fn for_each<'a>(
    list: &Element<'a>,
    limit: usize,
    mut each: impl FnMut(&mut Reader<'a>) -> Result<(), BerError>,
) -> Result<usize, BerError> {
    let mut inside = list.reader()?;
    let mut count = 0;
    while !inside.is_empty() {
        if count == limit {
            return Err(inside.error(BerErrorKind::TooMany));
        }
        each(&mut inside)?;
        count += 1;
    }
    Ok(count)
}

/// Reads every element inside `list`. Memory grows with what was read, and never past `limit` elements.
pub(super) fn read<'a, T>(
    list: &Element<'a>,
    limit: usize,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, BerError>,
) -> Result<Vec<T>, BerError> {
    let mut all = Vec::new();
    for_each(list, limit, |r| {
        let value = read(r)?;
        if all.is_empty() {
            all.reserve_exact(1); // one signer, one recipient: the usual message
        }
        all.push(value);
        Ok(())
    })?;
    Ok(all)
}
