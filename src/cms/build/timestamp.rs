//! `TSTInfo`, written (RFC 3161 §2.4.2): the content of a token, which is SignedData of type id-ct-TSTInfo.

use crate::asn1::Integer;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::cms::timestamp::TstInfo;

/// The encoded `TSTInfo`. The time is written in whole seconds; extensions as they are.
#[must_use]
pub fn tst_info(info: &TstInfo<'_>) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.small_integer(info.version);
            w.oid(info.policy);
            w.sequence(|w| {
                w.algorithm(
                    info.imprint_algorithm.oid,
                    info.imprint_algorithm.parameters,
                );
                w.octet_string(&info.imprint);
            });
            w.integer(info.serial.0);
            w.generalized_time(info.time.0);
            if let Some(accuracy) = info.accuracy {
                w.sequence(|w| {
                    if accuracy.seconds > 0 {
                        w.small_integer(accuracy.seconds);
                    }
                    for (number, part) in [(0, accuracy.millis), (1, accuracy.micros)] {
                        if part > 0 {
                            implicit_integer(w, number, part);
                        }
                    }
                });
            }
            if info.ordering {
                w.boolean(true);
            }
            if let Some(nonce) = info.nonce {
                w.integer(nonce.0);
            }
            if let Some(tsa) = info.tsa {
                w.explicit(0, |w| w.raw(tsa));
            }
            w.raw(info.extensions.unwrap_or_default());
        });
    })
}

fn implicit_integer(w: &mut Writer, number: u32, value: u64) {
    let mut octets = value.to_be_bytes().to_vec();
    octets.insert(0, 0);
    let minimal = Integer(&octets).minimal();
    w.primitive(Tag::context(number), minimal);
}
