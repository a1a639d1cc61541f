//! `--key-alias ID:SKI`: recipients that are named by something that no file given has, and the key that opens their mail all the same.

use crate::cli::exit::CommandError;
use crate::cli::keks::hexadecimal;
use crate::cli::screen::escaped;
use crate::pki::keyring::Keyring;

/// Gives keys of the ring more names.
///
/// # Errors
/// `Usage` where an argument is not `ID:SKI`, or no key of the ring has that identifier.
pub fn add(arguments: &[String], keys: Keyring) -> Result<Keyring, CommandError> {
    let mut keys = keys;
    for argument in arguments {
        let usage = |problem: &str| {
            CommandError::Usage(format!("--key-alias {}: {problem}", escaped(argument)))
        };
        let (name, key) = argument
            .split_once(':')
            .and_then(|(name, key)| {
                let octets = |text: &str| {
                    let octets = hexadecimal(text.as_bytes())?;
                    (!octets.is_empty()).then(|| octets.to_vec())
                };
                Some((octets(name)?, octets(key)?))
            })
            .ok_or_else(|| {
                usage("give ID:SKI, both in hexadecimal: the recipient's serial number or key identifier, and the key's own")
            })?;
        let key = keys.by_ski(&key).ok_or_else(|| {
            usage("no key of --keys has this identifier. mailseal keys lists them, column ski.")
        })?;
        keys = keys.with_alias(&name, key);
    }
    Ok(keys)
}
