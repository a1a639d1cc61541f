//! Every bound that mailseal keeps, with its unit, where the number comes from, and what happens past it.

/// The bounds of one run. Past one of them something is left out, and that is reported; a run never ends by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A message's size in bytes. Over it: skipped, fault `message_too_large`. Origin: 512 MiB, ten times what mail servers take.
    pub message_bytes: u64,
    /// How far Content-Length is followed in an mbox, in bytes from the message's start. Over it: the separators alone decide. Origin: the
    /// look-ahead is held in memory, and anyone can write the field into a mail.
    pub content_length_bytes: usize,
    /// Folders inside one another. Over it: not read, fault `folder_too_deep`. Origin: one open folder for each, of 1024 allowed.
    pub folder_depth: usize,
    /// A header block's size in bytes. Over it: the block ends there, finding `header_too_large`. Origin: catalogue D-02.
    pub header_bytes: usize,
    /// MIME nesting (multipart and message/rfc822). Over it: not opened, finding `mime_too_deep`. Origin: catalogue D-01.
    pub mime_depth: usize,
    /// MIME parts of a message. Over it: the rest is one opaque part, finding `too_many_parts`. Origin: catalogue D-02.
    pub mime_parts: usize,
    /// Nested comments in an address. Over it: the address is not read. Origin: catalogue D-02.
    pub comment_depth: usize,
    /// Fields of a header whose value is a time. Over it: none of them can be used with `--assert-time`. Origin: ten times what mail has.
    pub header_times: usize,
    /// Mailboxes read of one header field. Origin: catalogue D-02.
    pub addresses: usize,
    /// S/MIME layers inside one another. Over it: `not_tried`, finding `too_many_layers`. Origin: a triple wrap is 3, compressed twice 5.
    pub layer_depth: usize,
    /// S/MIME layers of one message in all. Over it: finding `too_many_layers`.
    pub layers: usize,
    /// Certificates in one SignedData. Over it: `structure: malformed`, finding `too_many_certificates`. Origin: catalogue D-06.
    pub certificates: usize,
    /// SignerInfos in one SignedData. Over it: as above. Origin: catalogue D-06.
    pub signers: usize,
    /// RecipientInfos in one EnvelopedData. Over it: as above. Origin: catalogue D-06.
    pub recipients: usize,
    /// CRLs in one SignedData. Over it: as above. Origin: catalogue D-06.
    pub crls: usize,
    /// Attributes of one SignerInfo. Over it: as above. Origin: catalogue D-06.
    pub attributes: usize,
    /// Inflated size of CompressedData in bytes. Over it: finding `decompression_limit`. Origin: as a message.
    pub inflated_bytes: u64,
    /// Inflated bytes for each stored byte, past [`Limits::ratio_free_bytes`]. Over it: a bomb; for an archive file
    /// fault `decompression_ratio`. Origin: catalogue D-05.
    pub inflate_ratio: u64,
    /// Inflated bytes before the ratio counts. Origin: catalogue D-05.
    pub ratio_free_bytes: u64,
    /// Rounds of a password's key derivation. Over it: refused before the derivation. Origin: catalogue C-17.
    pub kdf_rounds: u32,
    /// Rounds of the key derivations of one message, every password at every password recipient counted. Over it: the other passwords
    /// are `not_tried`, finding `kdf_limit`; `--kdf-rounds` raises it. Origin: about ten seconds on one core; 33 passwords at the 600,000
    /// rounds that are advised today.
    pub message_kdf_rounds: u64,
    /// Work of one message in units of an RSA-2048 verification (some 50 µs). Over it: signatures stay `not_checked`, recipients
    /// `not_tried`, finding `work_budget`. Origin: under a second on one core; 64 signers of RSA-4096, each tried three
    /// times and countersigned, take a fifth.
    pub work_units: u64,
    /// Memory of an scrypt derivation in bytes. Over it: refused before the derivation.
    pub kdf_memory_bytes: u64,
    /// A key file's size in bytes. Over it: taken for another file. Origin: a bundle of 10,000 certificates is 20 MB.
    pub key_file_bytes: u64,
    /// Keys, certificates, bags or attributes in one key file. Over it: the file is `Damaged`. Origin: as above.
    pub key_file_items: usize,
    /// RSA modulus in bits. Over it: `key_out_of_policy`. Origin: OpenSSL's own bound, catalogue D-10.
    pub rsa_bits: u32,
    /// Bits of an RSA exponent when the modulus has over 3072. Origin: OpenSSL's own bound, catalogue D-10.
    pub rsa_exponent_bits: u32,
    /// DSA or DH prime in bits. Over it: `key_out_of_policy`. Origin: OpenSSL's own bound, catalogue D-10.
    pub dsa_bits: u32,
    /// Certificates of a path. Over it: the path is not tried. Origin: catalogue D-11.
    pub path_length: usize,
    /// Signature checks spent on one certificate's paths. Over it: `incomplete`, finding `path_budget`. Origin: catalogue D-11.
    pub path_checks: u32,
    /// Paths to an anchor looked at for one certificate, the shortest first. Over it: the rest is not, finding `path_budget`.
    /// Origin: catalogue D-11; cross-signed authorities in use have fewer than ten.
    pub paths: usize,
    /// Candidates for one issuer that are looked at. Over it: the rest is not, finding `path_budget`. Origin: catalogue D-11.
    pub issuer_candidates: usize,
    /// Name comparisons for one path's name constraints. Over it: `name_constraint`. Origin: OpenSSL's own bound (2^20), catalogue D-12.
    pub name_checks: u32,
    /// Size in bytes of a file given with `--ca`, `--certs` or `--crl`. Over it: not looked at. Origin: ten times the largest CRLs.
    pub given_file_bytes: u64,
    /// Characters of a text from mail or a certificate in a table; the rest is cut with a mark. Origin: catalogue D-14.
    pub text_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 512 << 20,
            content_length_bytes: 16 << 20,
            folder_depth: 128,
            header_bytes: 1 << 20,
            mime_depth: 64,
            mime_parts: 10_000,
            comment_depth: 100,
            header_times: 64,
            addresses: 10_000,
            layer_depth: 16,
            layers: 64,
            certificates: 1000,
            signers: 64,
            recipients: 5000,
            crls: 100,
            attributes: 256,
            inflated_bytes: 512 << 20,
            inflate_ratio: 200,
            ratio_free_bytes: 16 << 20,
            kdf_rounds: 10_000_000,
            message_kdf_rounds: 20_000_000,
            work_units: 8192,
            kdf_memory_bytes: 256 << 20,
            key_file_bytes: 32 << 20,
            key_file_items: 10_000,
            rsa_bits: 16_384,
            rsa_exponent_bits: 64,
            dsa_bits: 10_000,
            path_length: 10,
            path_checks: 200,
            paths: 64,
            issuer_candidates: 64,
            name_checks: 1 << 20,
            given_file_bytes: 512 << 20,
            text_chars: 4096,
        }
    }
}

impl Limits {
    /// With so many rounds of key derivations for one message, and half of them for one derivation where that is more than without.
    #[must_use]
    pub fn with_kdf_rounds(mut self, rounds: u64) -> Self {
        let one = u32::try_from(rounds / 2).unwrap_or(u32::MAX);
        self.kdf_rounds = self.kdf_rounds.max(one);
        self.message_kdf_rounds = rounds;
        self
    }
}

/// What of [`Limits::work_units`] one message has left.
///
/// An operation is begun while anything is left, so that the first one always is; it may overdraw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// A whole message's.
    #[must_use]
    pub fn of(limits: &Limits) -> Self {
        Self {
            left: limits.work_units,
        }
    }

    /// Takes `units` for an operation. False where nothing is left: the operation is not begun.
    pub fn spend(&mut self, units: u64) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left = self.left.saturating_sub(units.max(1));
        true
    }

    /// Units left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(&Limits::default())
    }
}

/// Bytes that are hashed or deciphered for one of [`Limits::work_units`]. Origin: the slowest digests and ciphers do 500 MB a second and less.
pub const WORK_UNIT_BYTES: usize = 64 << 10;

/// Bytes of a block that the reader hands to a worker, cut at a message boundary. Origin: measured, the flat part of the curve.
pub const BLOCK_BYTES: usize = 4 << 20;

/// Bytes of a file of a bag that is short by nature: `bag-info.txt`, `run.json`, the tag manifest, the signature. No more is read, and
/// then it is not the file that it was. Origin: a hundred times what they have.
pub const TAG_FILE_BYTES: u64 = 1 << 20;

/// The index of key files in bytes. A larger one is none of ours: ignored and written anew. Origin: a million files with certificates of
/// 2 KB.
pub const KEY_INDEX_BYTES: u64 = 2 << 30;

/// Bytes of one certificate in a report's `certificates.pem`. Over it: not imported, counted as unreadable. Origin: ten times the largest
/// certificates in use, in base64.
pub const CERTIFICATE_TEXT_BYTES: usize = 1 << 20;

/// Bytes of a line of a report's JSON Lines. Over it: not imported, counted as unreadable. Origin: a message with a thousand certificates
/// and as many recipients is 1 MB.
pub const REPORT_LINE_BYTES: usize = 64 << 20;

/// Items of a block before it is handed out for their number alone: files that are no mail have no bytes to fill it.
/// Origin: as many as four megabytes of the smallest messages.
pub const BLOCK_ITEMS: usize = 8192;

/// Bytes of a header value that are decoded for display. Over it: the text is cut there. Origin: four bytes for each of
/// [`Limits::text_chars`]; encoded words that never end cost a decoder time by the square of what it is shown.
pub const DISPLAY_BYTES: usize = 16 << 10;
/// Certificates whose paths a worker remembers. Over it: it forgets all of them and goes on; only speed depends on it.
/// Origin: about half a kilobyte each, so 16 MB a worker.
pub const TRUST_CACHE: usize = 32_768;

/// Crowds of certificates for one signature, of more than [`Limits::issuer_candidates`], that a worker remembers. Over it: it forgets all of
/// them and goes on; only speed depends on it. Origin: nobody's own certificates come in one.
pub const CROWDS: usize = 16;

/// Statements of signers (From addresses, capabilities, preferred keys) that are kept of one certificate. Over it: the rest is left out,
/// `more_statements`. Origin: a person has a handful; an archive can make any number, and each costs 32 bytes.
pub const HARVEST_STATEMENTS: usize = 64;

/// Bytes of all their different texts. Over it: as above. Origin: ten million addresses of 25 octets.
pub const HARVEST_TEXT_BYTES: usize = 256 << 20;

/// Certificates with one key of which a dossier names the others, and those with the same issuer and serial number that are compared with it.
/// Over it: the number alone, and no `variant_of`. Origin: a card's renewals are a dozen; an archive can make any number.
pub const HARVEST_RELATIVES: usize = 16;

/// Certificates that `mailseal lint` looks at together. Origin: enough that the workers rarely wait for one another, some 20 MB.
pub const LINT_BATCH: usize = 4096;
