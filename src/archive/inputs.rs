//! The arguments, and the files in them one after the other.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::path::PathBuf;

use crate::archive::block::FaultCode;
use crate::archive::block::FaultDetail;
use crate::archive::block::Stamp;
use crate::archive::compressed::Broken;
use crate::archive::compressed::Raw;
use crate::archive::compressed::Stream;
use crate::archive::cursor::Place;
use crate::archive::detect;
use crate::archive::detect::Detected;
use crate::archive::detect::Named;
use crate::archive::ledger::Ledger;
use crate::archive::ledger::Lister;
use crate::archive::ledger::Listing;
use crate::archive::ledger::Missing;
use crate::archive::maildir;
use crate::archive::mbox::variant::PREFIX_BYTES;
use crate::archive::walk::Found;
use crate::archive::walk::Node;
use crate::archive::walk::Walk;
use crate::error::RunError;
use crate::limits::BLOCK_BYTES;
use crate::limits::Limits;

/// How an archive is read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The bounds of the run.
    pub limits: Limits,
    /// Bytes of a block, about. Changes where blocks end, never which messages there are.
    pub block_bytes: usize,
    /// Each message's [`Origin`] has the time of its file.
    ///
    /// [`Origin`]: crate::mime::message::Origin
    pub file_times: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            block_bytes: BLOCK_BYTES,
            file_times: false,
        }
    }
}

/// A file to read, or what is in its place.
pub(super) struct Source {
    pub argument: u32,
    /// Relative to the argument.
    pub path: Vec<u8>,
    pub what: What,
    /// It is out of order: told when everything else was read.
    pub is_late: bool,
}

pub(super) enum What {
    File {
        stream: Box<Stream>,
        stamp: Option<Stamp>,
        named: Named,
        in_maildir: bool,
    },
    Fault(Broken),
}

enum Argument {
    Folder(PathBuf),
    File(PathBuf),
    /// Standard input or a pipe: open already, and given once.
    Stream {
        name: Vec<u8>,
        stream: Option<Box<Stream>>,
    },
}

/// All arguments of a run.
pub(super) struct Inputs {
    arguments: Vec<Argument>,
    /// The argument at hand.
    at: usize,
    /// The walk through it, once begun, if it is a folder.
    walk: Option<Walk>,
    limits: Limits,
    ledger: Ledger,
    /// The files of folders when the run began.
    listing: Option<Listing>,
    /// What is missing at the end, once that is known.
    missing: Option<std::vec::IntoIter<Missing>>,
}

impl Inputs {
    /// Looks at every argument.
    ///
    /// # Errors
    /// One can't be read, or is no mail.
    pub fn open(paths: &[PathBuf], limits: &Limits) -> Result<Self, RunError> {
        let arguments = paths
            .iter()
            .map(|path| Argument::open(path, limits))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            arguments,
            at: 0,
            walk: None,
            limits: limits.clone(),
            ledger: Ledger::default(),
            listing: None,
            missing: None,
        })
    }

    /// One stream under `name`.
    ///
    /// # Errors
    /// As [`Inputs::open`].
    pub fn from_reader(
        name: &str,
        reader: Box<dyn Read + Send>,
        limits: &Limits,
    ) -> Result<Self, RunError> {
        let stream = Stream::open(Raw::Pipe(reader), limits);
        Ok(Self {
            arguments: vec![Argument::stream(Path::new(name), name.as_bytes(), stream)?],
            at: 0,
            walk: None,
            limits: limits.clone(),
            ledger: Ledger::default(),
            listing: None,
            missing: None,
        })
    }

    pub fn argument(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    /// The files' sizes on disk together; None with a stream among them.
    pub fn total_bytes(&self) -> Option<u64> {
        self.arguments.iter().try_fold(0u64, |total, argument| {
            let bytes = match argument {
                Argument::Folder(path) => {
                    Walk::new(path, 0, &self.limits).map_or(0, Walk::total_bytes)
                }
                Argument::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
                Argument::Stream { .. } => return None,
            };
            Some(total.saturating_add(bytes))
        })
    }

    /// What lies in the folders now; an earlier run's listing stands. What can't be listed is not in it.
    ///
    /// # Errors
    /// It can't be compressed.
    pub fn listing(&mut self) -> io::Result<&Listing> {
        let listing = match self.listing.take() {
            Some(listing) => listing,
            None => self.list()?,
        };
        Ok(self.listing.insert(listing))
    }

    /// An earlier run's.
    pub fn set_listing(&mut self, listing: Listing) {
        self.listing = Some(listing);
    }

    /// An earlier run handed out this file.
    pub fn give(&mut self, argument: u32, path: &[u8]) {
        self.ledger.give(argument, path);
    }

    fn list(&self) -> io::Result<Listing> {
        let mut lister = Lister::new()?;
        for (number, argument) in (0..).zip(&self.arguments) {
            if let Argument::Folder(path) = argument
                && let Ok(walk) = Walk::new(path, number, &self.limits)
            {
                walk.list(&mut lister)?;
            }
        }
        lister.finish()
    }

    /// What is missing now that everything was read; nothing where nobody says what an earlier run handed out.
    fn missing(&mut self) -> Vec<Missing> {
        let has_folder = |argument: &Argument| matches!(argument, Argument::Folder(_));
        if self.ledger.is_blind || !self.arguments.iter().any(has_folder) {
            return Vec::new();
        }
        let (Some(then), Ok(now)) = (&self.listing, self.list()) else {
            return Vec::new();
        };
        self.ledger.missing(then, &now).unwrap_or_default()
    }

    /// Goes to a place of an earlier run. Gives the file it lies in, if it lies in one that is still there.
    ///
    /// # Errors
    /// There is no such argument.
    pub fn seek(&mut self, argument: u32, place: &Place) -> Result<Option<Source>, RunError> {
        self.at = usize::try_from(argument).unwrap_or(usize::MAX);
        self.walk = None;
        if self.at > self.arguments.len() {
            return Err(RunError::Damaged {
                path: PathBuf::from("-"),
                problem: "the earlier run was over other archives. Give the same ones in the same order.",
            });
        }
        let path = match place {
            Place::Start => return Ok(None),
            Place::After(path) => path,
            Place::Inside { file, .. } => &file.path,
        };
        let inside = matches!(place, Place::Inside { .. });
        self.ledger.is_blind = self.ledger.is_empty();
        let source = match self.arguments.get(self.at) {
            Some(Argument::Folder(folder)) => {
                let mut walk = Walk::new(folder, argument, &self.limits)
                    .map_err(|source| RunError::unreadable(folder, source))?;
                let node = walk.seek(path, inside, &mut self.ledger);
                self.walk = Some(walk);
                if !self.ledger.has_lasting(argument, path) {
                    self.ledger.give(argument, path);
                }
                node.map(|node| Self::in_folder(argument, node, &self.limits))
            }
            Some(_) if inside => self.next(),
            Some(_) => {
                self.at += 1;
                None
            }
            None => None,
        };
        Ok(source.filter(|source| inside && matches!(source.what, What::File { .. })))
    }

    fn in_folder(argument: u32, node: Node, limits: &Limits) -> Source {
        let what = match node.found {
            Found::File {
                file,
                stamp,
                in_maildir,
            } => What::File {
                stream: Box::new(Stream::open(Raw::File(file), limits)),
                stamp: Some(stamp),
                named: match in_maildir && !file_name(&node.path).starts_with(b".") {
                    true => Named::MaildirMessage,
                    false => Named::InFolder,
                },
                in_maildir,
            },
            Found::Fault(code, detail) => What::Fault(Broken { code, detail }),
        };
        Source {
            argument,
            path: node.path,
            what,
            is_late: false,
        }
    }
}

impl Iterator for Inputs {
    type Item = Source;

    fn next(&mut self) -> Option<Source> {
        loop {
            let number = self.argument();
            if self.at == 0 && self.walk.is_none() && self.listing.is_none() {
                self.listing = self.list().ok();
            }
            if self.at >= self.arguments.len() {
                if self.missing.is_none() {
                    self.missing = Some(self.missing().into_iter());
                }
                let missing = self.missing.as_mut()?.next()?;
                self.ledger.give(missing.argument, &missing.path);
                return Some(Source {
                    argument: missing.argument,
                    path: missing.path,
                    what: What::Fault(Broken {
                        code: missing.code,
                        detail: FaultDetail::None,
                    }),
                    is_late: true,
                });
            }
            let (path, what) = match self.arguments.get_mut(self.at)? {
                Argument::Folder(folder) => {
                    if self.walk.is_none() {
                        match Walk::new(folder, number, &self.limits) {
                            Ok(walk) => self.walk = Some(walk),
                            Err(error) => {
                                self.at += 1;
                                return Some(Source {
                                    argument: number,
                                    path: b".".to_vec(),
                                    what: unreadable(&error),
                                    is_late: false,
                                });
                            }
                        }
                    }
                    let ledger = &self.ledger;
                    match self.walk.as_mut().and_then(|walk| walk.next(ledger)) {
                        Some(node) => {
                            self.ledger.give(number, &node.path);
                            return Some(Self::in_folder(number, node, &self.limits));
                        }
                        None => {
                            self.walk = None;
                            self.at += 1;
                            continue;
                        }
                    }
                }
                Argument::File(path) => {
                    let what = match open_file(path) {
                        Ok((file, stamp)) => What::File {
                            stream: Box::new(Stream::open(Raw::File(file), &self.limits)),
                            stamp: Some(stamp),
                            named: Named::Argument,
                            in_maildir: lies_in_maildir(path),
                        },
                        Err(error) => unreadable(&error),
                    };
                    (name_of(path), what)
                }
                Argument::Stream { name, stream } => {
                    let Some(stream) = stream.take() else {
                        self.at += 1;
                        continue;
                    };
                    let what = What::File {
                        stream,
                        stamp: None,
                        named: Named::Argument,
                        in_maildir: false,
                    };
                    (name.clone(), what)
                }
            };
            self.at += 1;
            return Some(Source {
                argument: number,
                path,
                what,
                is_late: false,
            });
        }
    }
}

impl Argument {
    fn open(path: &Path, limits: &Limits) -> Result<Self, RunError> {
        if path == Path::new("-") {
            let stream = Stream::open(Raw::Pipe(Box::new(io::stdin())), limits);
            return Self::stream(path, b"-", stream);
        }
        let unreadable = |source| RunError::unreadable(path, source);
        let kind = fs::metadata(path).map_err(unreadable)?.file_type();
        if kind.is_dir() {
            Walk::new(path, 0, limits).map_err(unreadable)?;
            return Ok(Self::Folder(path.to_owned()));
        }
        if kind.is_file() {
            let (file, _) = open_file(path).map_err(unreadable)?;
            look(path, &mut Stream::open(Raw::File(file), limits))?;
            return Ok(Self::File(path.to_owned()));
        }
        if kind.is_fifo() || kind.is_char_device() {
            let file = File::open(path).map_err(unreadable)?;
            let stream = Stream::open(Raw::Pipe(Box::new(file)), limits);
            return Self::stream(path, &name_of(path), stream);
        }
        Err(RunError::Unusable {
            path: path.to_owned(),
            problem: "is a socket or a block device. Name a file, a folder, or - for standard input.",
        })
    }

    fn stream(path: &Path, name: &[u8], mut stream: Stream) -> Result<Self, RunError> {
        let head = look(path, &mut stream)?;
        stream.put_back(head);
        Ok(Self::Stream {
            name: name.to_vec(),
            stream: Some(Box::new(stream)),
        })
    }
}

/// Reads the beginning of an argument and refuses what is no mail. Damage is left for the run to report.
fn look(path: &Path, stream: &mut Stream) -> Result<Vec<u8>, RunError> {
    let mut head = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    let complete = loop {
        let most = chunk.len().min(PREFIX_BYTES - head.len());
        let into = chunk.get_mut(..most).unwrap_or_default();
        if into.is_empty() {
            break false;
        }
        match stream.read(into) {
            Ok(0) => break true,
            Ok(count) => head.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(broken) => match (broken.code, broken.detail) {
                (FaultCode::ReadError, FaultDetail::Io(kind)) if head.is_empty() => {
                    return Err(RunError::unreadable(path, kind.into()));
                }
                _ => return Ok(head),
            },
        }
    };
    match detect::detect(&head, complete, Named::Argument, &name_of(path)) {
        Detected::Other(problem) => Err(RunError::Unusable {
            path: path.to_owned(),
            problem,
        }),
        Detected::Empty | Detected::Mbox { .. } | Detected::Mail { .. } | Detected::Cms => Ok(head),
    }
}

fn open_file(path: &Path) -> io::Result<(File, Stamp)> {
    let file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    Ok((file, stamp))
}

fn unreadable(error: &io::Error) -> What {
    What::Fault(Broken {
        code: FaultCode::Unreadable,
        detail: FaultDetail::Io(error.kind()),
    })
}

fn name_of(path: &Path) -> Vec<u8> {
    path.file_name()
        .map_or_else(Vec::new, |name| name.as_bytes().to_vec())
}

/// The last component of a relative path.
pub(super) fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|octet| *octet == b'/').next().unwrap_or(path)
}

/// A message of a Maildir, named alone.
fn lies_in_maildir(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    folder.is_some_and(|name| name == "cur" || name == "new")
        && maildir::is_message_name(&name_of(path))
}
