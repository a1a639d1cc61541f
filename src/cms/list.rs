//! SET OF and SEQUENCE OF whose length is bounded.

use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::Element;
use crate::asn1::Reader;

/// Reads every element inside `list`. Counts them first, so that nothing is allocated for a list over `limit`.
pub(super) fn read<'a, T>(
    list: &Element<'a>,
    limit: usize,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, BerError>,
) -> Result<Vec<T>, BerError> {
    let mut all = Vec::with_capacity(count(list, limit)?);
    let mut inside = list.reader()?;
    while !inside.is_empty() {
        all.push(read(&mut inside)?);
    }
    Ok(all)
}

/// How many elements are inside `list`; an error past `limit`.
pub(super) fn count(list: &Element<'_>, limit: usize) -> Result<usize, BerError> {
    let mut inside = list.reader()?;
    let mut count = 0;
    while !inside.is_empty() {
        if count == limit {
            return Err(inside.error(BerErrorKind::TooMany));
        }
        inside.element()?;
        count += 1;
    }
    Ok(count)
}
