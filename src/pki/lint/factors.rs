//! Small prime factors of a modulus (NIST SP 800-89 §5.3.3).

/// The smallest prime below 752 that divides the number with these big-endian octets; None where none does, or for zero.
pub(super) fn smallest(magnitude: &[u8]) -> Option<u64> {
    if magnitude.iter().all(|octet| *octet == 0) {
        return None;
    }
    // Several primes at a time: the remainder by their product has the remainder by each.
    PRODUCTS.iter().find_map(|primes| {
        let product: u64 = primes.iter().product();
        let remainder = remainder(magnitude, product);
        primes
            .iter()
            .copied()
            .find(|prime| remainder.is_multiple_of(*prime))
    })
}

/// The number modulo `divisor`, which must be below 2^32 and not zero.
fn remainder(magnitude: &[u8], divisor: u64) -> u64 {
    let (head, words) = magnitude.as_rchunks::<4>();
    let first = head
        .iter()
        .fold(0, |value, octet| value << 8 | u64::from(*octet));
    words.iter().fold(first % divisor, |value, word| {
        (value << 32 | u64::from(u32::from_be_bytes(*word))) % divisor
    })
}

/// All primes below 752, in their order, cut so that no product reaches 2^32.
const PRODUCTS: &[&[u64]] = &[
    &[2, 3, 5, 7, 11, 13, 17, 19, 23],
    &[29, 31, 37, 41, 43, 47],
    &[53, 59, 61, 67, 71],
    &[73, 79, 83, 89, 97],
    &[101, 103, 107, 109],
    &[113, 127, 131, 137],
    &[139, 149, 151, 157],
    &[163, 167, 173, 179],
    &[181, 191, 193, 197],
    &[199, 211, 223, 227],
    &[229, 233, 239, 241],
    &[251, 257, 263],
    &[269, 271, 277],
    &[281, 283, 293],
    &[307, 311, 313],
    &[317, 331, 337],
    &[347, 349, 353],
    &[359, 367, 373],
    &[379, 383, 389],
    &[397, 401, 409],
    &[419, 421, 431],
    &[433, 439, 443],
    &[449, 457, 461],
    &[463, 467, 479],
    &[487, 491, 499],
    &[503, 509, 521],
    &[523, 541, 547],
    &[557, 563, 569],
    &[571, 577, 587],
    &[593, 599, 601],
    &[607, 613, 617],
    &[619, 631, 641],
    &[643, 647, 653],
    &[659, 661, 673],
    &[677, 683, 691],
    &[701, 709, 719],
    &[727, 733, 739],
    &[743, 751],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_prime_once_and_no_product_overflows() {
        let all: Vec<u64> = PRODUCTS.concat();
        let primes: Vec<u64> = (2..752).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
        assert_eq!(all, primes);
        assert!(
            PRODUCTS
                .iter()
                .all(|primes| primes.iter().product::<u64>() < 1 << 32)
        );
    }

    #[test]
    fn the_smallest_factor_is_found() {
        for (number, factor) in [
            (0_u128, None),
            (1, None),
            (751, Some(751)),
            (757 * 761, None),
            (751 * 757, Some(751)),
            ((1 << 89) - 1, None),
            (((1 << 89) - 1) * 743, Some(743)),
            (1 << 100, Some(2)),
        ] {
            assert_eq!(smallest(&number.to_be_bytes()), factor, "{number}");
        }
        assert_eq!(smallest(&[]), None);
    }
}
