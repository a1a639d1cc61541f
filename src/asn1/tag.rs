//! Identifier octets (X.690 §8.1.2).

/// The class of a tag (X.690 §8.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The types of ASN.1 itself.
    Universal,
    /// Rarely seen; never in CMS.
    Application,
    /// `[0]`, `[1]` … in a structure.
    Context,
    /// Private use.
    Private,
}

/// Class, number and whether the encoding is constructed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// Who gave the number its meaning.
    pub class: Class,
    /// The encoding is made of further elements.
    pub constructed: bool,
    /// The tag number.
    pub number: u32,
}

impl Tag {
    /// BOOLEAN.
    pub const BOOLEAN: Self = Self::universal(1);
    /// INTEGER.
    pub const INTEGER: Self = Self::universal(2);
    /// BIT STRING.
    pub const BIT_STRING: Self = Self::universal(3);
    /// OCTET STRING.
    pub const OCTET_STRING: Self = Self::universal(4);
    /// NULL.
    pub const NULL: Self = Self::universal(5);
    /// OBJECT IDENTIFIER.
    pub const OID: Self = Self::universal(6);
    /// ENUMERATED.
    pub const ENUMERATED: Self = Self::universal(10);
    /// UTF8String.
    pub const UTF8_STRING: Self = Self::universal(12);
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: Self = Self::universal(16).as_constructed();
    /// SET and SET OF.
    pub const SET: Self = Self::universal(17).as_constructed();
    /// NumericString.
    pub const NUMERIC_STRING: Self = Self::universal(18);
    /// PrintableString.
    pub const PRINTABLE_STRING: Self = Self::universal(19);
    /// TeletexString.
    pub const T61_STRING: Self = Self::universal(20);
    /// IA5String.
    pub const IA5_STRING: Self = Self::universal(22);
    /// UTCTime.
    pub const UTC_TIME: Self = Self::universal(23);
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: Self = Self::universal(24);
    /// VisibleString.
    pub const VISIBLE_STRING: Self = Self::universal(26);
    /// UniversalString (UCS-4).
    pub const UNIVERSAL_STRING: Self = Self::universal(28);
    /// BMPString (UCS-2).
    pub const BMP_STRING: Self = Self::universal(30);

    /// A primitive universal tag.
    #[must_use]
    pub const fn universal(number: u32) -> Self {
        Self {
            class: Class::Universal,
            constructed: false,
            number,
        }
    }

    /// `[number]`, primitive: what an IMPLICIT tag makes of a string or an integer.
    #[must_use]
    pub const fn context(number: u32) -> Self {
        Self {
            class: Class::Context,
            constructed: false,
            number,
        }
    }

    /// `[number]`, constructed: an EXPLICIT tag, or an IMPLICIT one over a SEQUENCE or SET.
    #[must_use]
    pub const fn context_constructed(number: u32) -> Self {
        Self::context(number).as_constructed()
    }

    /// The same tag with the constructed bit set.
    #[must_use]
    pub const fn as_constructed(self) -> Self {
        Self {
            class: self.class,
            constructed: true,
            number: self.number,
        }
    }

    /// Equal but for the constructed bit: in BER every string may come in chunks (X.690 §8.7.3).
    #[must_use]
    pub fn same_type(self, other: Self) -> bool {
        self.class == other.class && self.number == other.number
    }
}
