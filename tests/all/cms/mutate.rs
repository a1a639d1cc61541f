//! Seeded changes of a message: of its octets, and of its elements with the lengths around them kept in order.

use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::asn1::Writer;

/// A number generator that gives the same on every machine (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound.max(1)
    }
}

/// One to three changes.
pub fn mutated(original: &[u8], seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut bytes = original.to_vec();
    for _ in 0..=numbers.below(3) {
        if bytes.is_empty() {
            break;
        }
        if numbers.below(4) == 0 {
            change_octets(&mut bytes, &mut numbers);
        } else {
            change_elements(&mut bytes, &mut numbers);
        }
    }
    bytes
}

/// Octets changed, left out, doubled.
fn change_octets(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let bound = [120, bytes.len()][numbers.below(2)];
    let at = numbers.below(bound.min(bytes.len()));
    let size = numbers.below(12).min(bytes.len() - at);
    match numbers.below(7) {
        0 => bytes[at] ^= 1 << numbers.below(8),
        1 => {
            bytes[at] = *pick(
                &[0, 1, 2, 4, 5, 6, 0x24, 0x30, 0x31, 0x80, 0xa0, 0xff],
                numbers,
            )
        }
        2 => drop(bytes.drain(at..at + size)),
        3 => {
            let piece = bytes[at..at + size].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => bytes.truncate(at.max(1)),
        5 => bytes[at] = bytes[at].wrapping_add(1),
        _ => bytes[at] = bytes[at].wrapping_sub(1),
    }
}

fn pick<'a, T>(choices: &'a [T], numbers: &mut Numbers) -> &'a T {
    &choices[numbers.below(choices.len())]
}

/// One element left out, doubled, moved, given another tag, another length, other contents or chunks.
fn change_elements(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let Some(mut nodes) = parse(bytes, 0) else {
        return;
    };
    let index = numbers.below(nodes.iter().map(Node::count).sum());
    // The upper levels are few among many elements, and where this program decides: half of the changes are there.
    let index = if numbers.below(2) == 0 {
        index % 40
    } else {
        index
    };
    if let Some((list, at)) = find(&mut nodes, index) {
        match numbers.below(8) {
            0 => drop(list.remove(at)),
            1 => list.insert(at, list[at].clone()),
            2 if at > 0 => list.swap(at, at - 1),
            3 => {
                let tags = [
                    Tag::INTEGER,
                    Tag::OCTET_STRING,
                    Tag::SEQUENCE,
                    Tag::SET,
                    Tag::OID,
                    Tag::context(0),
                    Tag::context_constructed(0),
                    Tag::context_constructed(1),
                    Tag::context_constructed(3),
                ];
                list[at].tag = *pick(&tags, numbers);
            }
            4 => list[at].length = Length::Indefinite,
            5 => list[at].length = Length::Long,
            6 => {
                if let Body::Octets(octets) = &mut list[at].body {
                    match numbers.below(3) {
                        0 => octets.clear(),
                        1 => octets.insert(0, 0),
                        _ => octets.push(0x80),
                    }
                }
            }
            _ => list[at].cut_into_chunks(),
        }
    }
    *bytes = Writer::encode(|w| nodes.iter().for_each(|node| node.write(w)));
}

#[derive(Clone)]
struct Node {
    tag: Tag,
    length: Length,
    body: Body,
}

#[derive(Clone, Copy)]
enum Length {
    Der,
    Long,
    Indefinite,
}

#[derive(Clone)]
enum Body {
    Octets(Vec<u8>),
    Elements(Vec<Node>),
}

fn parse(bytes: &[u8], depth: usize) -> Option<Vec<Node>> {
    let mut r = Reader::new(bytes);
    let mut nodes = Vec::new();
    while !r.is_empty() {
        let element = r.element().ok()?;
        let inside = (element.tag.constructed && depth < 30)
            .then(|| parse(element.content, depth + 1))
            .flatten();
        nodes.push(Node {
            tag: element.tag,
            length: if element.indefinite {
                Length::Indefinite
            } else {
                Length::Der
            },
            body: match inside {
                Some(nodes) => Body::Elements(nodes),
                None => Body::Octets(element.content.to_vec()),
            },
        });
    }
    Some(nodes)
}

/// The element with this number, counted through the tree.
fn find(nodes: &mut Vec<Node>, index: usize) -> Option<(&mut Vec<Node>, usize)> {
    let mut before = 0;
    for at in 0..nodes.len() {
        if before == index {
            return Some((nodes, at));
        }
        let inside = nodes[at].count();
        if index < before + inside {
            return match &mut nodes[at].body {
                Body::Elements(children) => find(children, index - before - 1),
                Body::Octets(_) => None,
            };
        }
        before += inside;
    }
    None
}

impl Node {
    fn count(&self) -> usize {
        match &self.body {
            Body::Octets(_) => 1,
            Body::Elements(nodes) => 1 + nodes.iter().map(Self::count).sum::<usize>(),
        }
    }

    fn cut_into_chunks(&mut self) {
        let Body::Octets(octets) = &self.body else {
            return;
        };
        let chunk = |octets: &[u8]| Self {
            tag: Tag::OCTET_STRING,
            length: Length::Der,
            body: Body::Octets(octets.to_vec()),
        };
        self.body = Body::Elements(octets.chunks(octets.len() / 2 + 1).map(chunk).collect());
        self.tag = self.tag.as_constructed();
    }

    fn write(&self, w: &mut Writer) {
        let content = Writer::encode(|w| match &self.body {
            Body::Octets(octets) => w.raw(octets),
            Body::Elements(nodes) => nodes.iter().for_each(|node| node.write(w)),
        });
        match self.length {
            Length::Der => w.primitive(self.tag, &content),
            Length::Indefinite => w.indefinite(self.tag, |w| w.raw(&content)),
            Length::Long => {
                // Identifier octets as DER has them, then five octets of length.
                let head = Writer::encode(|w| w.primitive(self.tag, &[]));
                w.raw(&head[..head.len() - 1]);
                w.raw(&[0x84]);
                w.raw(&u32::try_from(content.len()).unwrap().to_be_bytes());
                w.raw(&content);
            }
        }
    }
}
