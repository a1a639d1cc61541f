//! Everything worth telling about a message that no axis has a value for.

use serde::{Deserialize, Serialize};

use crate::facts::axis::axis;

axis! {
    /// What was seen. A finding changes no verdict by itself.
    pub enum Finding {
        // Archive
        /// The From_ line has no date in asctime form, or what follows it is no header field.
        SeparatorOdd = "separator_odd",
        /// The From_ line has no blank line before it.
        SeparatorWithoutBlankLine = "separator_without_blank_line",
        /// A line that begins with `From ` stands unquoted in the body.
        UnquotedFromLine = "unquoted_from_line",
        /// The mbox begins with the message's header in place of a separator.
        SeparatorMissing = "separator_missing",
        /// Content-Length does not land on a separator or the end.
        ContentLengthWrong = "content_length_wrong",
        /// Reading the file ended with a fault inside the message; what was read before is here.
        CutShort = "cut_short",
        /// The quoting of mboxo and of mboxrd give different bytes; the reading that matches was used.
        MboxQuotingAmbiguous = "mbox_quoting_ambiguous",
        // MIME
        /// Content-Type, boundary or a parameter stands twice or contradicts itself; the first was used.
        MimeAmbiguous = "mime_ambiguous",
        MimeTooDeep = "mime_too_deep",
        TooManyParts = "too_many_parts",
        HeaderTooLarge = "header_too_large",
        BoundaryMissing = "boundary_missing",
        /// A multipart in whose body no delimiter stands.
        DelimiterMissing = "delimiter_missing",
        /// A multipart ends without its closing delimiter.
        CloseDelimiterMissing = "close_delimiter_missing",
        /// A message/rfc822 in base64 or quoted-printable (RFC 2046 §5.2.1 forbids it); it was not opened.
        MessageEncoded = "message_encoded",
        /// A multipart in base64 or quoted-printable (RFC 2045 §6.4 forbids it).
        MultipartEncoded = "multipart_encoded",
        TransferEncodingUnknown = "transfer_encoding_unknown",
        /// The media type or the file name announces something else than the CMS content is.
        TypeMismatch = "type_mismatch",
        /// `micalg` is missing or is not the digest used (RFC 8551 §3.5.3.2).
        MicalgMismatch = "micalg_mismatch",
        /// `protocol` is missing or is not the type of the signature part (RFC 1847 §2.1).
        ProtocolMismatch = "protocol_mismatch",
        /// Text before the first or behind the last part of a signed multipart.
        PreambleText = "preamble_text",
        EpilogueText = "epilogue_text",
        /// multipart/signed with more than two parts.
        ExtraParts = "extra_parts",
        /// multipart/signed with the signature first.
        ReversedParts = "reversed_parts",
        /// multipart/signed without a signature part.
        SignaturePartMissing = "signature_part_missing",
        /// Lines of odd length, blanks, missing padding or other irregular base64.
        Base64Irregular = "base64_irregular",
        /// Another transfer encoding than the one declared was found.
        EncodingMismatch = "encoding_mismatch",
        /// The body carries an unsigned footer and List-* fields: a mailing list's usual breakage.
        ListFooter = "list_footer",
        /// The From display name is another address than the one behind it.
        DisplayNameAddressMismatch = "display_name_address_mismatch",
        // CMS
        /// Indefinite lengths or chunked strings.
        Ber = "ber",
        /// Bytes behind the ContentInfo; they were not looked at.
        TrailingData = "trailing_data",
        /// More certificates, signers, recipients, CRLs or attributes than the limit.
        TooManyElements = "too_many_elements",
        TooManyLayers = "too_many_layers",
        /// Nested deeper than the limit.
        CmsTooDeep = "cms_too_deep",
        /// More than one byte in a hundred of the encoded part is junk.
        TransferMalformed = "transfer_malformed",
        /// A detached signature carries a content of its own that differs from the part it signs.
        EcontentConflict = "econtent_conflict",
        /// It carries a copy of the part.
        EcontentCopy = "econtent_copy",
        /// Certificates of other formats than X.509, or attribute certificates.
        OtherCertificates = "other_certificates",
        /// A certificate that could not be read; its bytes are kept.
        CertificateMalformed = "certificate_malformed",
        /// The content type is not id-data, though the layer is mail.
        ContentTypeOdd = "content_type_odd",
        // Signatures
        /// The attributes verify only in DER order.
        AttributesResorted = "attributes_resorted",
        /// contentType is missing, doubled, or not the type of the content.
        AttributeContentType = "attribute_content_type",
        /// messageDigest is missing, doubled, or no octet string.
        AttributeMessageDigest = "attribute_message_digest",
        /// An attribute stands twice, or has no value or several.
        AttributeRepeated = "attribute_repeated",
        /// A value that is none of its attribute's type, or an attribute where it must not be.
        AttributeMalformed = "attribute_malformed",
        /// No attribute names the signer's certificate (RFC 5035).
        EssAbsent = "ess_absent",
        /// The signature names the certificates or the lists that it was validated with (CAdES, RFC 5126 §6.2).
        CompleteReferences = "complete_references",
        /// One of those that it names is not in the message, or what names it can't be read.
        ReferenceNotCarried = "reference_not_carried",
        /// A time that deviates from DER, or names no instant.
        MalformedTime = "malformed_time",
        /// The digest algorithms of the signature and of the SignerInfo differ.
        DigestAlgorithmConflict = "digest_algorithm_conflict",
        /// Signed without attributes by an algorithm that signs the content itself: a certificate from elsewhere can't finish it.
        NeedsContent = "needs_content",
        /// Several certificates have the issuer and serial number that the signer names.
        IssuerSerialCollision = "issuer_serial_collision",
        /// Another message's certificate verifies the signature, but no path leads from it to an anchor: anybody can make one.
        CertificateUnproven = "certificate_unproven",
        /// The multiple-signatures attribute names signatures that are not there (RFC 5752).
        MultipleSignaturesIncomplete = "multiple_signatures_incomplete",
        /// A countersignature that does not verify.
        CountersignatureInvalid = "countersignature_invalid",
        /// A timestamp token that does not verify.
        TimestampInvalid = "timestamp_invalid",
        /// A timestamp token that verifies and proves nothing: its authority's purpose or path, or its time.
        TimestampUnusable = "timestamp_unusable",
        /// The timestamp authority's path has expired since.
        TimestampUnrenewed = "timestamp_unrenewed",
        /// signingTime and Date are more than an hour apart.
        TimeSkew = "time_skew",
        /// A time that the operator stands for is later than `now`, or the header names several; it was not used.
        AssertedTimeUnusable = "asserted_time_unusable",
        /// signingTime is later than the topmost Received.
        TimeOrder = "time_order",
        /// The claimed time is later than `now`; it was not judged.
        ClaimedInFuture = "claimed_in_future",
        /// A key outside the bounds: too large, exponent too odd, explicit curve parameters.
        KeyOutOfPolicy = "key_out_of_policy",
        // Decryption
        /// A RecipientInfo that could not be read; the others were used.
        RecipientMalformed = "recipient_malformed",
        /// The cipher does not belong into this content type.
        CipherNotAllowed = "cipher_not_allowed",
        /// A cipher or key wrap that needs OpenSSL's legacy provider, which `--no-legacy` turned off or the linked OpenSSL lacks.
        NeedsLegacyProvider = "needs_legacy_provider",
        /// A password's key derivation over the bound, which was not begun, or more passwords than the message may cost: the rest was
        /// not tried.
        KdfLimit = "kdf_limit",
        /// A recipient's key is in a key file that no password opened, as the certificate beside it says.
        KeyLocked = "key_locked",
        /// The content's cipher is weak: what it hides should be hidden anew.
        CipherWeak = "cipher_weak",
        /// The content's cipher is broken: whoever has the mail may read it.
        CipherBroken = "cipher_broken",
        /// Inflated content over the bound.
        DecompressionLimit = "decompression_limit",
        /// Nothing authenticates the plaintext.
        IntegrityNone = "integrity_none",
        /// Text and parts beside the encrypted part: an EFAIL shape, or a gateway's wrapper.
        EncryptedSubpart = "encrypted_subpart",
        /// The From that a signature protects is another than the outer one: mail programs show the one or the other.
        ProtectedFromDiffers = "protected_from_differs",
        /// Another field that a signature protects stands outside with another value than its sender gave it there.
        OuterHeaderDiffers = "outer_header_differs",
        /// A signed To and Cc name nobody whose key opens the encryption around them: it may have been signed for others and sent on.
        RecipientNotAddressed = "recipient_not_addressed",
        /// Header fields are protected, but not as RFC 9788 says: a message in a message (RFC 8551), or a draft's parameter.
        HeaderProtectionOld = "header_protection_old",
        // Migration
        /// From or Sender inside the encryption are others than outside, and no valid signature of that sender is over them: those
        /// outside were kept.
        InnerFromDiffers = "inner_from_differs",
        /// They are others than outside, a valid signature of that sender is over them, and they were restored. Whether the signer's
        /// certificate is to be trusted was not asked.
        InnerFromRestored = "inner_from_restored",
        /// A line in the header of the decrypted entity is no field; it was kept as `X-Mailseal-Not-A-Field`.
        InnerLineNoField = "inner_line_no_field",
        /// A field inside the encryption was another than outside and was restored, and no proven signature of its sender is over it. The
        /// place is the field's name.
        InnerFieldsRestored = "inner_fields_restored",
        /// A signature over the encrypted content was taken off with the encryption; it had signed nothing that is readable.
        OuterSignatureRemoved = "outer_signature_removed",
        /// The plaintext's line ends are not those of the archive: changing them would have changed its content.
        LineEndsKept = "line_ends_kept",
        /// The stored message had fields with names that are this program's; they were renamed.
        ProvenanceInSource = "provenance_in_source",
        // Certificates
        /// A name or address with a NUL, a control or a direction character; it never matches.
        CertStringSuspicious = "cert_string_suspicious",
        /// The subject's emailAddress is none of the alternative names.
        DnSanConflict = "dn_san_conflict",
        /// A CA certificate signed the mail itself.
        SignerIsCa = "signer_is_ca",
        /// The path is longer, or the search for it would have cost more, than the bound.
        PathBudget = "path_budget",
        /// The anchor's own dates exclude the clock.
        AnchorExpired = "anchor_expired",
        /// No list says whether the path's certificates were revoked at the clock's time.
        RevocationNotKnown = "revocation_not_known",
        /// A CRL inside a mail can't be read, or is not signed by whom it names.
        CrlInvalid = "crl_invalid",
        /// A weak algorithm or key; `judgements` names it.
        WeakAlgorithm = "weak_algorithm",
        // Limits and faults of ours
        /// Checking all would cost more than one message may: the rest stayed `not_checked` or `not_tried`.
        WorkBudget = "work_budget",
        /// A panic while the message was read: caught, the message is not judged.
        Panic = "panic",
        /// The message is over `--max-message`.
        MessageTooLarge = "message_too_large",
    }
}

/// A finding and the layer path or MIME part it belongs to; empty for the message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FindingAt {
    /// Layer path (`1/2`) or part number, as in `layers[].path`.
    pub place: String,
    /// What was seen.
    pub code: Finding,
}
