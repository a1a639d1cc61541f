//! Content encryption: CBC (and RC4) for EnvelopedData, authenticated ciphers for AuthEnvelopedData.

use std::fmt;

use openssl::cipher::CipherRef;
use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

use crate::crypto::Failed;
use crate::crypto::content_cipher::ContentCipher;
use crate::crypto::content_cipher::Mode;
use crate::crypto::sys;

/// The OpenSSL context that decrypting uses again. Belongs to one worker; saves time and changes nothing.
#[derive(Default)]
pub struct ContentContext {
    context: Option<CipherCtx>,
}

impl ContentContext {
    /// Nothing prepared yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins to decrypt. `aad` are the additional authenticated octets (RFC 5083 §2.2), empty without authenticated attributes
    /// and for CBC. `encrypted_bytes` is the length of all the ciphertext that will be given, to reserve memory.
    ///
    /// # Errors
    /// One value for all that can go wrong: first of all a key that has not the cipher's length.
    pub fn decrypt<'c>(
        &'c mut self,
        cipher: &'c ContentCipher,
        key: &[u8],
        aad: &[u8],
        encrypted_bytes: usize,
    ) -> Result<Decryptor<'c>, Failed> {
        sys::start();
        sys::clear_errors();
        let begun = self.begin(cipher, key, aad, encrypted_bytes);
        sys::clear_errors();
        begun.ok_or(Failed)
    }

    fn begin<'c>(
        &'c mut self,
        cipher: &'c ContentCipher,
        key: &[u8],
        aad: &[u8],
        encrypted_bytes: usize,
    ) -> Option<Decryptor<'c>> {
        let key = cipher.effective_key(key)?;
        let context = match &mut self.context {
            Some(context) => context,
            empty => empty.insert(CipherCtx::new().ok()?),
        };
        let fetched = cipher.algorithm().cipher()?;
        let mut waiting = None;
        match cipher.algorithm().mode() {
            Mode::Cbc | Mode::Stream => {
                if !aad.is_empty() {
                    return None;
                }
                init(context, cipher, &key, cipher.nonce(), Direction::Decrypt)?;
                context.set_padding(true);
            }
            Mode::Gcm | Mode::ChaCha => {
                context.decrypt_init(Some(fetched), None, None).ok()?;
                context.set_iv_length(cipher.nonce().len()).ok()?;
                context
                    .decrypt_init(None, Some(&key), Some(cipher.nonce()))
                    .ok()?;
                if !aad.is_empty() {
                    context.cipher_update(aad, None).ok()?;
                }
            }
            Mode::Ccm => {
                waiting = Some(Waiting {
                    key,
                    aad: aad.to_vec(),
                    encrypted: Vec::with_capacity(encrypted_bytes),
                });
            }
        }
        Some(Decryptor {
            context,
            cipher,
            plaintext: Zeroizing::new(Vec::with_capacity(encrypted_bytes.saturating_add(64))),
            waiting,
            failed: false,
        })
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// Sets cipher, key and IV of a cipher that is not authenticated. RC2 wants its effective bits, and ciphers with keys of any length
/// that length, between the cipher and the key.
fn init(
    context: &mut CipherCtx,
    cipher: &ContentCipher,
    key: &[u8],
    iv: &[u8],
    direction: Direction,
) -> Option<()> {
    let fetched = cipher.algorithm().cipher()?;
    let iv = Some(iv).filter(|iv| !iv.is_empty());
    if key.len() == fetched.key_length() && cipher.rc2_bits().is_none() {
        return set(context, direction, Some(fetched), Some(key), iv);
    }
    set(context, direction, Some(fetched), None, None)?;
    context.set_key_length(key.len()).ok()?;
    if let Some(bits) = cipher.rc2_bits()
        && !sys::set_rc2_bits(context, bits)
    {
        return None;
    }
    set(context, direction, None, Some(key), iv)
}

fn set(
    context: &mut CipherCtx,
    direction: Direction,
    cipher: Option<&CipherRef>,
    key: Option<&[u8]>,
    iv: Option<&[u8]>,
) -> Option<()> {
    match direction {
        Direction::Encrypt => context.encrypt_init(cipher, key, iv).ok(),
        Direction::Decrypt => context.decrypt_init(cipher, key, iv).ok(),
    }
}

/// Whole blocks through a cipher in CBC mode, without padding, with an IV other than its own: what key wraps are made of.
pub(crate) fn cbc_blocks(
    cipher: &ContentCipher,
    key: &[u8],
    iv: &[u8],
    input: &[u8],
    direction: Direction,
) -> Option<Zeroizing<Vec<u8>>> {
    let block = cipher.algorithm().nonce_bytes();
    if cipher.algorithm().mode() != Mode::Cbc
        || iv.len() != block
        || input.is_empty()
        || !input.len().is_multiple_of(block)
        || !cipher.accepts_key(key.len())
    {
        return None;
    }
    sys::start();
    let mut context = CipherCtx::new().ok()?;
    let done = init(&mut context, cipher, key, iv, direction).and_then(|()| {
        context.set_padding(false);
        let mut output = Zeroizing::new(Vec::with_capacity(input.len() + 2 * block));
        context.cipher_update_vec(input, &mut output).ok()?;
        (output.len() == input.len()).then_some(output)
    });
    sys::clear_errors();
    done
}

impl fmt::Debug for ContentContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentContext").finish_non_exhaustive()
    }
}

/// Ciphertext on its way. The plaintext stays inside until [`Decryptor::finish`] has checked padding or tag; it is wiped when dropped.
pub struct Decryptor<'c> {
    context: &'c mut CipherCtx,
    cipher: &'c ContentCipher,
    plaintext: Zeroizing<Vec<u8>>,
    waiting: Option<Waiting>,
    failed: bool,
}

/// What CCM, which takes everything at once and wants to know the length and the tag first, waits with.
struct Waiting {
    key: Zeroizing<Vec<u8>>,
    aad: Vec<u8>,
    encrypted: Vec<u8>,
}

/// OpenSSL takes lengths as `int`.
const MAX_PIECE_BYTES: usize = 1 << 30;

impl Decryptor<'_> {
    /// Takes the next ciphertext. Never fails: what goes wrong shows in [`Decryptor::finish`].
    pub fn update(&mut self, encrypted: &[u8]) {
        if let Some(waiting) = &mut self.waiting {
            waiting.encrypted.extend_from_slice(encrypted);
            return;
        }
        for piece in encrypted.chunks(MAX_PIECE_BYTES) {
            let taken = self.context.cipher_update_vec(piece, &mut self.plaintext);
            self.failed |= taken.is_err();
        }
    }

    /// The plaintext. `tag` is the authentication tag; None for CBC, which has none and whose padding is checked
    /// (RFC 5652 §6.3).
    ///
    /// # Errors
    /// One value for all that can go wrong; then no plaintext comes out.
    pub fn finish(mut self, tag: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let finished = self.try_finish(tag);
        sys::clear_errors();
        finished.ok_or(Failed)
    }

    fn try_finish(&mut self, tag: Option<&[u8]>) -> Option<Zeroizing<Vec<u8>>> {
        let tag_bytes = self.cipher.tag_bytes();
        let tag_fits = match tag {
            Some(tag) => tag_bytes > 0 && tag.len() == tag_bytes,
            None => tag_bytes == 0,
        };
        if self.failed || !tag_fits {
            return None;
        }
        match self.waiting.take() {
            Some(waiting) => self.finish_ccm(&waiting, tag?)?,
            None => {
                if let Some(tag) = tag {
                    self.context.set_tag(tag).ok()?;
                }
                self.context.cipher_final_vec(&mut self.plaintext).ok()?;
            }
        }
        Some(std::mem::take(&mut self.plaintext))
    }

    fn finish_ccm(&mut self, waiting: &Waiting, tag: &[u8]) -> Option<()> {
        let encrypted = waiting.encrypted.as_slice();
        // OpenSSL checks the tag of CCM while it decrypts, so that without ciphertext it would check nothing.
        if encrypted.is_empty() || encrypted.len() > MAX_PIECE_BYTES {
            return None;
        }
        let context = &mut *self.context;
        let fetched = self.cipher.algorithm().cipher()?;
        context.decrypt_init(Some(fetched), None, None).ok()?;
        context.set_iv_length(self.cipher.nonce().len()).ok()?;
        context.set_tag(tag).ok()?;
        context
            .decrypt_init(None, Some(&waiting.key), Some(self.cipher.nonce()))
            .ok()?;
        context.set_data_len(encrypted.len()).ok()?;
        if !waiting.aad.is_empty() {
            context.cipher_update(&waiting.aad, None).ok()?;
        }
        let length = context
            .cipher_update_vec(encrypted, &mut self.plaintext)
            .ok()?;
        (length == encrypted.len()).then_some(())
    }
}

impl fmt::Debug for Decryptor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor").finish_non_exhaustive()
    }
}

/// What encrypting gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// As long as the plaintext, plus padding for CBC.
    pub ciphertext: Vec<u8>,
    /// The authentication tag; empty for CBC.
    pub tag: Vec<u8>,
}

/// Encrypts plaintext that comes in pieces, for mail that is written.
///
/// # Errors
/// Where the key has not the cipher's length, CBC is given additional octets, or OpenSSL refuses.
pub fn encrypt(
    cipher: &ContentCipher,
    key: &[u8],
    aad: &[u8],
    pieces: &[&[u8]],
) -> Result<Encrypted, Failed> {
    sys::start();
    sys::clear_errors();
    let encrypted = try_encrypt(cipher, key, aad, pieces);
    sys::clear_errors();
    encrypted.ok_or(Failed)
}

fn try_encrypt(
    cipher: &ContentCipher,
    key: &[u8],
    aad: &[u8],
    pieces: &[&[u8]],
) -> Option<Encrypted> {
    let key = cipher.effective_key(key)?;
    let mode = cipher.algorithm().mode();
    let mut context = CipherCtx::new().ok()?;
    let fetched = cipher.algorithm().cipher()?;
    let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
    if cipher.is_aead() {
        context.encrypt_init(Some(fetched), None, None).ok()?;
        context.set_iv_length(cipher.nonce().len()).ok()?;
        if mode == Mode::Ccm {
            context.set_tag_length(cipher.tag_bytes()).ok()?;
        }
        context
            .encrypt_init(None, Some(&key), Some(cipher.nonce()))
            .ok()?;
    } else {
        init(
            &mut context,
            cipher,
            &key,
            cipher.nonce(),
            Direction::Encrypt,
        )?;
    }
    if mode == Mode::Ccm {
        if bytes == 0 || bytes > MAX_PIECE_BYTES {
            return None;
        }
        context.set_data_len(bytes).ok()?;
    }
    if !aad.is_empty() {
        if !cipher.is_aead() {
            return None;
        }
        context.cipher_update(aad, None).ok()?;
    }
    let mut ciphertext = Vec::with_capacity(bytes + 64);
    if mode == Mode::Ccm {
        let joined = Zeroizing::new(pieces.concat());
        context.cipher_update_vec(&joined, &mut ciphertext).ok()?;
    } else {
        for piece in pieces
            .iter()
            .flat_map(|piece| piece.chunks(MAX_PIECE_BYTES))
        {
            context.cipher_update_vec(piece, &mut ciphertext).ok()?;
        }
    }
    context.cipher_final_vec(&mut ciphertext).ok()?;
    let mut tag = vec![0; cipher.tag_bytes()];
    if !tag.is_empty() {
        context.tag(&mut tag).ok()?;
    }
    Some(Encrypted { ciphertext, tag })
}
