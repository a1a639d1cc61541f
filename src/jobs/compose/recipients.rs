//! To whom a message goes, and the certificates that it is encrypted to.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::compose::refusal::{Problem, Refused, Role};
use crate::jobs::compose::signers::Signers;
use crate::jobs::envelope::{Addressee, Announced, NamedBy};
use crate::jobs::store::{Ground, Store};
use crate::judge::Judge;
use crate::judge::recipient::Rules;
use crate::limits::Limits;
use crate::mime::address::Addresses;
use crate::mime::compare::folded;
use crate::mime::header::Header;
use crate::pki::x509::Certificate;

/// The addresses that a header names, each once: those of To and Cc, and those of Bcc alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Of To and Cc.
    pub open: Vec<String>,
    /// Of Bcc, and in neither of the others.
    pub blind: Vec<String>,
}

impl Named {
    /// Reads To, Cc and Bcc, all of them where a field stands more than once.
    ///
    /// # Errors
    /// `bad_address` where one can't be read: nobody may be left out unnoticed.
    pub fn read(header: &Header<'_>, limits: &Limits) -> Result<Self, Refused> {
        let unreadable = |address: &str| Refused {
            role: Role::Recipient,
            address: Some(address.to_owned()).filter(|address| !address.is_empty()),
            ..Refused::message(Problem::BadAddress)
        };
        let mut named = Self::default();
        for (name, is_blind) in [("to", false), ("cc", false), ("bcc", true)] {
            for field in header.all(name) {
                let list = Addresses::read(&field.unfolded(), limits);
                if list.fault.is_some() {
                    return Err(unreadable(""));
                }
                // A comma in a name that nobody quoted makes a name without an address of it; an address follows. What may have been
                // an address itself, or has none behind it, is somebody who would be left out.
                let mut nameless = "";
                for mailbox in &list.mailboxes {
                    let is_name = mailbox.address.is_empty() && !mailbox.display.contains('@');
                    if mailbox.malformed || (mailbox.address.is_empty() && !is_name) {
                        return Err(unreadable(&mailbox.address));
                    }
                    nameless = if is_name { &mailbox.display } else { "" };
                    if !is_name {
                        named.add(mailbox.address.clone(), is_blind);
                    }
                }
                if !nameless.is_empty() {
                    return Err(unreadable(nameless));
                }
            }
        }
        Ok(named)
    }

    fn add(&mut self, address: String, is_blind: bool) {
        let folded_address = folded(&address);
        let is_same = |other: &String| {
            *other == address || (folded_address.is_some() && folded(other) == folded_address)
        };
        if self.open.iter().chain(&self.blind).any(is_same) {
            return;
        }
        match is_blind {
            true => self.blind.push(address),
            false => self.open.push(address),
        }
    }
}

/// A recipient's certificate, ready to encrypt to.
#[derive(Debug)]
pub struct Recipient {
    /// As the message has it.
    pub address: String,
    /// Of the certificate.
    pub sha256: Sha256,
    /// The name of its issuer, DER, and the octets of its serial number.
    pub identifier: (Vec<u8>, Vec<u8>),
    /// The certificate.
    pub addressee: Addressee,
}

/// Certificates by address. What was found once is remembered: a folder of mail goes to few people.
pub struct Recipients<'g> {
    rules: Rules<'g>,
    limits: &'g Limits,
    state: Mutex<State<'g>>,
}

struct State<'g> {
    store: Store,
    ground: &'g Ground,
    judge: Judge<'g>,
    known: HashMap<String, Found>,
}

type Found = Result<Arc<Recipient>, Refused>;

impl<'g> Recipients<'g> {
    /// Certificates of `store`, of whose material `ground` is made, and `judge` of that.
    #[must_use]
    pub fn new(
        store: Store,
        ground: &'g Ground,
        judge: Judge<'g>,
        rules: Rules<'g>,
        limits: &'g Limits,
    ) -> Self {
        let state = State {
            store,
            ground,
            judge,
            known: HashMap::new(),
        };
        Self {
            rules,
            limits,
            state: Mutex::new(state),
        }
    }

    /// The certificate to encrypt to for an address. One of the sender's own keys does where the store has none for him.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(&self, address: &str, role: Role, own: Option<&Signers>) -> Found {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{} {address}", role.as_str());
        if let Some(known) = state.known.get(&key) {
            return known.clone();
        }
        let mut found = state.find(address, role, self.rules, self.limits);
        if found.is_err()
            && role == Role::Myself
            && let Some(der) = own.and_then(|own| own.encryption_of(address))
        {
            found = ready(address, role, der, Some(Announced::ours()), self.limits);
        }
        state.known.insert(key, found.clone());
        found
    }
}

impl State<'_> {
    fn find(&mut self, address: &str, role: Role, rules: Rules<'_>, limits: &Limits) -> Found {
        let unreadable = |_: RunError| Refused::somebody(role, address, Problem::StoreUnreadable);
        let choice = self
            .store
            .recipient(address, self.ground, &mut self.judge, rules)
            .map_err(unreadable)?;
        let (sha256, _) = choice.chosen.map_err(|refusal| {
            Refused::no_choice(role, address, &choice, refusal, rules.allowed)
        })?;
        // Of the sender himself nothing need be recorded: what is signed here announces it.
        let announced = self.store.announced(&choice).map_err(unreadable)?;
        let announced = announced.or_else(|| (role == Role::Myself).then(Announced::ours));
        let der = self.ground.der(&sha256).map_err(unreadable)?;
        ready(address, role, &der, announced, limits)
    }
}

fn ready(
    address: &str,
    role: Role,
    der: &[u8],
    announced: Option<Announced>,
    limits: &Limits,
) -> Found {
    let unusable = || Refused::somebody(role, address, Problem::KeyUnusable);
    let certificate = Certificate::read(der).map_err(|_| unusable())?;
    let addressee = Addressee::new(&certificate, announced, NamedBy::IssuerSerial, limits)
        .map_err(|_| unusable())?;
    Ok(Arc::new(Recipient {
        address: address.to_owned(),
        sha256: certificate.sha256(),
        identifier: (
            certificate.issuer.raw().to_vec(),
            certificate.serial.0.to_vec(),
        ),
        addressee,
    }))
}

impl fmt::Debug for Recipients<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipients").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(header: &str) -> Result<Named, &'static str> {
        let limits = Limits::default();
        Named::read(&Header::new(header.as_bytes()), &limits).map_err(|refused| refused.reason)
    }

    #[test]
    fn everybody_is_named_once_and_bcc_only_where_nobody_else_sees_it() {
        let all = named(
            "To: A <a@x.example>, b@x.example\nCC: A@X.example, Team: c@x.example, d@x.example;\nTo: e@x.example\n\
             Bcc: f@x.example, b@x.example\nBcc: f@X.EXAMPLE\nResent-To: g@x.example\nReply-To: h@x.example\n",
        )
        .unwrap();
        let open = [
            "a@x.example",
            "b@x.example",
            "c@x.example",
            "d@x.example",
            "e@x.example",
        ];
        let mut seen = all.open.clone();
        seen.sort();
        assert_eq!(seen, open);
        assert_eq!(all.blind, ["f@x.example"]);
        assert_eq!(
            named("To: undisclosed-recipients:;\n"),
            Ok(Named::default())
        );
        assert_eq!(named("Subject: x\n"), Ok(Named::default()));
    }

    #[test]
    fn nobody_is_left_out_unnoticed() {
        for broken in [
            "To: a@x.example, somebody\n",
            "To: a@x.example\nBcc: \"b@x.example\n",
            "Cc: a@b@c\n",
        ] {
            assert_eq!(named(broken), Err("bad_address"), "{broken}");
        }
        // A comma in a name makes two of one; the address is there.
        let comma = named("To: Doe, John <j@x.example>\n").unwrap();
        assert_eq!(comma.open, ["j@x.example"]);
    }
}
