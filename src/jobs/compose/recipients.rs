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
        let mut named = Self::default();
        for (name, is_blind) in [("to", false), ("cc", false), ("bcc", true)] {
            for field in header.all(name) {
                let list = Addresses::read(&field.unfolded(), limits);
                let broken = list.mailboxes.iter().find(|one| one.malformed);
                if list.fault.is_some() || broken.is_some() {
                    let address = broken.map(|one| one.address.clone());
                    return Err(Refused {
                        role: Role::Recipient,
                        address: address.filter(|address| !address.is_empty()),
                        ..Refused::message(Problem::BadAddress)
                    });
                }
                // A name without an address is no recipient: a comma in a name that nobody quoted makes one.
                for mailbox in list.mailboxes {
                    if !mailbox.address.is_empty() {
                        named.add(mailbox.address, is_blind);
                    }
                }
            }
        }
        Ok(named)
    }

    fn add(&mut self, address: String, is_blind: bool) {
        let is_same = |other: &String| *other == address || folded(other) == folded(&address);
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
