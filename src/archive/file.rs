//! One open file on its way into blocks.

use std::os::unix::fs::MetadataExt;

use crate::archive::block::Compression;
use crate::archive::block::Fault;
use crate::archive::block::FaultCode;
use crate::archive::block::FaultDetail;
use crate::archive::block::FileInfo;
use crate::archive::block::Item;
use crate::archive::block::Kind;
use crate::archive::block::Located;
use crate::archive::block::Stamp;
use crate::archive::compressed::Broken;
use crate::archive::compressed::Stream;
use crate::archive::cursor::Place;
use crate::archive::detect;
use crate::archive::detect::Detected;
use crate::archive::detect::Named;
use crate::archive::inputs;
use crate::archive::inputs::Source;
use crate::archive::inputs::What;
use crate::archive::maildir;
use crate::archive::mbox;
use crate::archive::mbox::Cut;
use crate::archive::mbox::Front;
use crate::archive::mbox::Mbox;
use crate::archive::mbox::separator;
use crate::archive::mbox::separator::AHEAD_BYTES;
use crate::archive::mbox::separator::Search;
use crate::archive::mbox::variant;
use crate::archive::mbox::variant::PREFIX_BYTES;
use crate::archive::mbox::variant::Variant;
use crate::archive::window::Ended;
use crate::archive::window::Window;
use crate::limits::Limits;
use crate::mime::message::Form;
use crate::mime::message::Origin;
use crate::mime::message::StorageFinding;
use crate::mime::message::StorageFindings;

/// Bytes that the separator rule looks back.
const BACK_BYTES: usize = 4;

/// A file, and how far it is.
pub(super) struct OpenFile {
    input: u32,
    info: FileInfo,
    stream: Box<Stream>,
    named: Named,
    in_maildir: bool,
    /// Messages get the file's time as a claimed one.
    file_times: bool,
    /// Offset of the first byte that is in no item yet.
    at: u64,
    ended: Option<Ended>,
    state: State,
    variant: Option<Variant>,
    /// Stored bytes that were put to a block's account.
    counted: u64,
}

#[derive(Clone, Copy)]
enum State {
    /// Not looked at yet.
    Head,
    Mbox(Mbox),
    /// The rest is one message.
    Single,
    /// In a message over the limit that began at `from`; `kept` bytes of what was looked at already are still there.
    Skip {
        from: u64,
        mbox: Option<Mbox>,
        kept: usize,
    },
    /// Nothing is left but the end.
    Done,
}

/// What came of an attempt to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on.
    Again,
    /// The block has to be handed out first.
    Full,
    /// The file is through.
    Ended,
}

/// What the steps write to.
pub(super) struct Output<'a> {
    pub window: &'a mut Window,
    pub items: &'a mut Vec<Item>,
    pub next_input: &'a mut u32,
    pub limits: &'a Limits,
}

impl OpenFile {
    /// A file from its start.
    ///
    /// # Errors
    /// There is a fault in its place.
    pub fn new(source: Source, file_times: bool) -> Result<Self, (Vec<u8>, Broken)> {
        let (mut stream, stamp, named, in_maildir) = match source.what {
            What::Fault(broken) => return Err((source.path, broken)),
            What::File {
                stream,
                stamp,
                named,
                in_maildir,
            } => (stream, stamp, named, in_maildir),
        };
        if let Some(stamp) = stamp {
            stream.bound(stamp.bytes);
        }
        Ok(Self {
            input: 0,
            info: FileInfo {
                argument: source.argument,
                path: source.path,
                kind: Kind::Unread,
                compression: stream.compression(),
                stored_bytes: stamp.map(|stamp| stamp.bytes),
                stamp,
                variant: None,
            },
            stream,
            named,
            in_maildir,
            file_times,
            at: 0,
            ended: None,
            state: State::Head,
            variant: None,
            counted: 0,
        })
    }

    /// Puts a file from its start to where an earlier run stopped in it.
    pub fn resume(mut self, input: u32, info: FileInfo, offset: u64, mbox: Option<Mbox>) -> Self {
        if let Some(bytes) = info.stored_bytes {
            self.stream.bound(bytes);
        }
        // A fault on the way comes again at the next read.
        if self.stream.skip_to(offset).is_ok() {
            self.counted = self.stream.stored_bytes_used();
        }
        self.input = input;
        self.variant = mbox.map(|mbox| mbox.variant);
        self.info = FileInfo {
            stamp: self.info.stamp,
            variant: self.variant,
            // A message of a Maildir may have another name by now.
            path: self.info.path,
            ..info
        };
        self.at = offset;
        self.state = mbox.map_or(State::Single, State::Mbox);
        self
    }

    /// Its number, and what is known of it.
    pub fn started(&self) -> (u32, &FileInfo) {
        (self.input, &self.info)
    }

    pub fn path(&self) -> &[u8] {
        &self.info.path
    }

    /// Where a later run would go on; None before the file's first item.
    pub fn place(&self) -> Option<Place> {
        let mbox = match self.state {
            State::Head => return None,
            State::Mbox(mbox) => Some(mbox),
            State::Skip { mbox, .. } => mbox,
            State::Single | State::Done => None,
        };
        Some(Place::Inside {
            input: self.input,
            file: self.info.clone(),
            offset: self.at,
            mbox,
        })
    }

    /// Stored bytes used since this was asked last; at the end what was left unread counts as used.
    pub fn newly_used_bytes(&mut self, ended: bool) -> u64 {
        let used = self.stream.stored_bytes_used();
        let used = match (ended, self.info.stored_bytes) {
            (true, Some(stored)) => stored.max(used),
            _ => used,
        };
        let new = used.saturating_sub(self.counted);
        self.counted += new;
        new
    }

    /// Goes on as far as the block allows.
    pub fn advance(&mut self, out: &mut Output<'_>) -> Step {
        match self.state {
            State::Head => self.begin(out),
            State::Mbox(mbox) => self.cut_mbox(mbox, out),
            State::Single => self.take_single(out),
            State::Skip { from, mbox, kept } => self.skip(from, mbox, kept, out),
            State::Done => self.finish(0, out),
        }
    }

    /// What the file's place says of the messages in it.
    fn origin(&self) -> Origin {
        let origin = match self.in_maildir {
            true => maildir::origin(inputs::file_name(&self.info.path)),
            false => Origin::default(),
        };
        let stamp = self.info.stamp.filter(|_| self.file_times);
        Origin {
            file_seconds: stamp.map(|stamp| stamp.modified_seconds),
            ..origin
        }
    }

    fn begin(&mut self, out: &mut Output<'_>) -> Step {
        let limit = out.window.limit();
        self.fill(out.window, limit);
        if self.ended.is_none() && out.window.done() > 0 {
            return Step::Full; // so that a large file always begins with a whole block to look at
        }
        self.fill(out.window, limit.max(PREFIX_BYTES));
        let head = out.window.peek(PREFIX_BYTES);
        let complete = self.ended.is_some() && head.len() == out.window.peek(usize::MAX).len();
        let name = inputs::file_name(&self.info.path);
        let detected = detect::detect(head, complete, self.named, name);
        let origin = self.origin();
        let damaged = matches!(self.ended, Some(Ended::Broken(_)));
        let (mut skip, mut leading, mut unseen) = (0, 0, 0);
        (self.info.kind, self.state) = match detected {
            Detected::Empty => {
                skip = head.len();
                match (self.named, damaged && head.is_empty()) {
                    (_, true) => (Kind::Unread, State::Done),
                    (Named::Argument, false) => {
                        self.variant = Some(Variant::Mbox);
                        (Kind::Mbox, State::Done)
                    }
                    (Named::InFolder | Named::MaildirMessage, false) => (Kind::Other, State::Done),
                }
            }
            Detected::Other(_) if damaged => {
                skip = head.len();
                (Kind::Unread, State::Done)
            }
            Detected::Other(_) => {
                unseen = self.info.stored_bytes.unwrap_or(0);
                (Kind::Other, State::Done)
            }
            Detected::Mbox {
                skip: before,
                leading: odd,
                pending,
            } => {
                (skip, leading) = (before, odd);
                let prefix = head.get(skip + leading..).unwrap_or_default();
                let mbox = variant::detect(prefix, complete, pending, origin, out.limits);
                self.variant = Some(mbox.variant);
                (Kind::Mbox, State::Mbox(mbox))
            }
            Detected::Mail { skip: before } => {
                skip = before;
                let kind = match self.in_maildir {
                    true => Kind::Maildir,
                    false => Kind::Eml,
                };
                (kind, State::Single)
            }
            Detected::Cms => (Kind::Cms, State::Single),
        };
        self.info.variant = self.variant;
        self.input = *out.next_input;
        *out.next_input = out.next_input.saturating_add(1);
        out.items.push(Item::FileStart {
            input: self.input,
            file: self.info.clone(),
        });
        if self.info.kind == Kind::Other && unseen > 0 {
            if detect::has_mail_name(inputs::file_name(&self.info.path)) {
                out.items.push(Item::Fault(Fault {
                    code: FaultCode::NotRecognised,
                    offset: self.at,
                    length: unseen,
                    detail: FaultDetail::None,
                }));
                self.at += unseen;
                unseen = 0;
            }
            out.window.discard_all();
            self.ended = self.ended.or(Some(Ended::End));
            return self.finish(unseen, out);
        }
        self.between(skip, out);
        if leading > 0 {
            out.items.push(Item::Fault(Fault {
                code: FaultCode::BeforeFirstSeparator,
                offset: self.at,
                length: wide(leading),
                detail: FaultDetail::None,
            }));
            self.pass(leading, out);
        }
        Step::Again
    }

    fn cut_mbox(&mut self, mut mbox: Mbox, out: &mut Output<'_>) -> Step {
        loop {
            let complete = self.fill_visible(out.window);
            match mbox.cut(out.window.visible(), complete, out.limits) {
                Front::Message(cut) => {
                    mbox.pending = cut.pending;
                    self.message(cut, Form::Mail, complete, out);
                    self.state = State::Mbox(mbox);
                }
                Front::Needs(bytes) => {
                    let most = mbox::bytes_to_tell(out.limits);
                    let step = self.want(bytes, most, out);
                    if step == Step::Ended {
                        let line = self.separator_length(mbox, out.window);
                        self.between(line, out);
                        self.state = State::Skip {
                            from: self.at,
                            mbox: Some(mbox),
                            kept: 0,
                        };
                        return Step::Again;
                    }
                    return step;
                }
                Front::End => {
                    self.state = State::Done;
                    return Step::Again;
                }
            }
        }
    }

    fn separator_length(&self, mbox: Mbox, window: &Window) -> usize {
        if mbox.pending.contains(StorageFinding::SeparatorMissing) {
            return 0;
        }
        memchr::memchr(b'\n', window.visible()).map_or(0, |end| end + 1)
    }

    fn take_single(&mut self, out: &mut Output<'_>) -> Step {
        let complete = self.fill_visible(out.window);
        if !complete {
            let step = self.want(0, mbox::bytes_to_tell(out.limits), out);
            if step == Step::Ended {
                self.state = State::Skip {
                    from: self.at,
                    mbox: None,
                    kept: 0,
                };
                return Step::Again;
            }
            return step;
        }
        let length = out.window.visible().len();
        let cut = Cut {
            message: 0..length,
            next: length,
            pending: StorageFindings::default(),
            origin: self.origin(),
            landed: None,
            contested: false,
        };
        let form = match self.info.kind {
            Kind::Cms => Form::Cms,
            Kind::Mbox | Kind::Maildir | Kind::Eml | Kind::Other | Kind::Unread => Form::Mail,
        };
        self.message(cut, form, complete, out);
        self.state = State::Done;
        Step::Again
    }

    /// A message needs more bytes than are visible. `Ended`: so many that it is over the limit.
    fn want(&self, bytes: usize, most: usize, out: &mut Output<'_>) -> Step {
        let limit = out.window.limit();
        if out.window.done() > 0 {
            return Step::Full;
        }
        if limit >= most {
            return Step::Ended;
        }
        // Twice what is needed: then the bytes that are carried over are never more than those handed out.
        out.window.widen((limit.max(bytes) * 2).min(most));
        Step::Again
    }

    fn skip(&mut self, from: u64, mbox: Option<Mbox>, kept: usize, out: &mut Output<'_>) -> Step {
        let complete = self.fill_visible(out.window);
        let visible = out.window.visible();
        let search = match mbox {
            Some(_) => separator::next_separator(visible, kept, complete, &mut 0),
            None => Search::NotYet {
                decided: visible.len(),
            },
        };
        let (gone, next) = match (search, mbox) {
            (Search::Found { at, findings }, Some(mbox)) => {
                let pending = findings;
                (at, Some(State::Mbox(Mbox { pending, ..mbox })))
            }
            (Search::Found { at, .. }, None) => (at, Some(State::Done)),
            (Search::NotYet { .. }, _) if complete => (visible.len(), Some(State::Done)),
            (Search::NotYet { decided }, Some(_)) => (decided.saturating_sub(BACK_BYTES), None),
            (Search::NotYet { decided }, None) => (decided, None),
        };
        let kept = match search {
            Search::NotYet { decided } => decided - gone.min(decided),
            Search::Found { .. } => 0,
        };
        out.window.discard(gone);
        out.window.narrow(4 * AHEAD_BYTES);
        self.at += wide(gone);
        match next {
            Some(state) => {
                out.items.push(Item::Fault(Fault {
                    code: FaultCode::MessageTooLarge,
                    offset: from,
                    length: self.at - from,
                    detail: FaultDetail::None,
                }));
                self.state = state;
            }
            None => self.state = State::Skip { from, mbox, kept },
        }
        Step::Again
    }

    /// Puts the message at the front of the window into the block.
    fn message(&mut self, cut: Cut, form: Form, complete: bool, out: &mut Output<'_>) {
        self.between(cut.message.start, out);
        let length = cut.message.len();
        let behind = cut.next - cut.message.end;
        if wide(length) > out.limits.message_bytes {
            out.items.push(Item::Fault(Fault {
                code: FaultCode::MessageTooLarge,
                offset: self.at,
                length: wide(length + behind),
                detail: FaultDetail::None,
            }));
            out.window.discard(length + behind);
            self.at += wide(length + behind);
            return;
        }
        let mut origin = cut.origin;
        let last = complete && out.window.visible().len() == length + behind;
        if last && matches!(self.ended, Some(Ended::Broken(_))) {
            origin.findings.insert(StorageFinding::CutShort);
        }
        let start = out.window.done();
        out.items.push(Item::Message(Located {
            offset: self.at,
            length: wide(length),
            range: start..start + length,
            form,
            origin,
        }));
        self.pass(length, out);
        self.between(behind, out);
    }

    fn between(&mut self, length: usize, out: &mut Output<'_>) {
        if length > 0 {
            let start = out.window.done();
            out.items.push(Item::Between {
                offset: self.at,
                length: wide(length),
                range: Some(start..start + length),
            });
            self.pass(length, out);
        }
    }

    fn pass(&mut self, length: usize, out: &mut Output<'_>) {
        out.window.advance(length);
        self.at += wide(length);
    }

    /// The end of the file. `unseen` bytes of it were never looked at.
    fn finish(&mut self, unseen: u64, out: &mut Output<'_>) -> Step {
        if unseen > 0 {
            out.items.push(Item::Between {
                offset: self.at,
                length: unseen,
                range: None,
            });
            self.at += unseen;
        }
        if let Some(Ended::Broken(broken)) = self.ended {
            let left = match (self.info.compression, self.info.stored_bytes) {
                (Compression::None, Some(bytes)) => bytes.saturating_sub(self.at),
                _ => 0,
            };
            out.items.push(Item::Fault(Fault {
                code: broken.code,
                offset: self.at,
                length: left,
                detail: broken.detail,
            }));
            self.at += left;
        }
        if let Some((code, detail)) = self.changed() {
            out.items.push(Item::Fault(Fault {
                code,
                offset: self.at,
                length: 0,
                detail,
            }));
        }
        out.items.push(Item::FileEnd {
            input: self.input,
            bytes: self.at,
            variant: self.variant,
            kind: self.info.kind,
        });
        Step::Ended
    }

    /// What others did to the file while it was read. Messages of a Maildir are moved and removed, and never written.
    fn changed(&self) -> Option<(FaultCode, FaultDetail)> {
        let (then, bytes) = (self.info.stamp?, self.info.stored_bytes?);
        let metadata = self.stream.metadata()?;
        let now = Stamp::of(&metadata);
        match self.info.kind {
            Kind::Mbox | Kind::Eml | Kind::Cms => {}
            // Mail that was delivered to an empty mbox.
            Kind::Other if bytes == 0 => {}
            Kind::Maildir | Kind::Other | Kind::Unread => return None,
        }
        if now.bytes > bytes {
            let more = FaultDetail::StoredBytesLeft(now.bytes - bytes);
            return Some((FaultCode::FileGrew, more));
        }
        if now.bytes < bytes || now != then {
            return Some((FaultCode::FileChanged, FaultDetail::None));
        }
        let is_gone = metadata.nlink() == 0 && self.info.kind == Kind::Mbox;
        is_gone.then_some((FaultCode::FileReplaced, FaultDetail::None))
    }

    /// True if the visible bytes are all that is left of the file.
    fn fill_visible(&mut self, window: &mut Window) -> bool {
        let limit = window.limit();
        self.fill(window, limit);
        self.ended.is_some() && window.shows_all()
    }

    fn fill(&mut self, window: &mut Window, target: usize) {
        if self.ended.is_none() {
            self.ended = window.fill(&mut self.stream, target);
        }
    }
}

/// Lengths in memory are never longer than lengths on disk.
fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
