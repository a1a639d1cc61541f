//! Paths that only the archive as a whole completes (architecture.md: judging waits until the archive is read).

use crate::catalogue::audit::Audit;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::root;

/// Ten authorities below the root, each with one below it that was issued twice (the first has expired since), and a person below that.
fn people_of(number: u64) -> Holder {
    let key = |which: u64| format!("p256-{}", which % 6 + 1);
    let upper = Holder::below_root(
        Party::new(&format!("Authority {number}"), &key(number)),
        &Wanted::ca(1000 + number),
        root(),
    );
    let party = Party::new(&format!("Issuing {number}"), &key(number + 1));
    let expired = Wanted::ca(2000 + number).validity(day(2010, 1, 1), day(2020, 1, 1));
    let mut lower = Holder::below(party.clone(), &Wanted::ca(3000 + number), &upper);
    let earlier = Holder::below(party, &expired, &upper);
    // What its people's mail carries beside the certificate in use.
    lower.chain.push(earlier.certificate);
    Holder::below(
        Party::new(&format!("Person {number}"), &key(number + 2)),
        &Wanted::mail(4000 + number, &format!("p{number}@example.com")),
        &lower,
    )
}

#[test]
fn a_08_chains_that_other_messages_complete_are_complete() {
    let people: Vec<Holder> = (0..10).map(people_of).collect();
    let mut mails = Vec::new();
    let mut completed = Vec::new();
    for number in 0..200_u64 {
        let person = usize::try_from(number % 10).unwrap();
        let holder = &people[person];
        let part = mail::text(&format!("Message {number}.\n"));
        let sign = Sign::by(holder).at(people::sent());
        let cut = number % 100 / 10 < 3;
        let made = if cut {
            // What is above stands in another message, before or behind this one.
            Signed::detached(&part)
                .bare_signer(sign)
                .certificate(&holder.certificate)
        } else {
            Signed::detached(&part).signer(sign)
        };
        let header = Headers::new(
            &format!("p{person}@example.com"),
            &format!("Message {number}"),
            SENT_DATE,
        );
        mails.push(mail::message(
            &header,
            &mail::multipart_signed(&part, &made.encode()),
        ));
        completed.push(cut);
    }
    let borrowed: Vec<&[u8]> = mails.iter().map(Vec::as_slice).collect();
    let records = Audit::of(&borrowed).run();
    assert_eq!(records.len(), 200);
    assert_eq!(completed.iter().filter(|cut| **cut).count(), 60);
    for record in &records {
        assert_eq!(record.at("now", "chain"), "trusted", "{record:?}");
    }
    // Of those that nobody completes none is trusted, and it is said what is missing.
    let alone: Vec<&[u8]> = mails
        .iter()
        .zip(&completed)
        .filter(|(_, cut)| **cut)
        .map(|(mail, _)| mail.as_slice())
        .collect();
    for record in Audit::of(&alone).run() {
        assert_eq!(record.at("now", "chain"), "incomplete");
        assert_eq!(record.verdict(), "signer_untrusted");
    }
}
