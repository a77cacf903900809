//! DER as a tree that tests take apart and put together again.

/// One element.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    pub(super) tag: u8,
    pub(super) content: Vec<u8>,
    pub(super) inner: Vec<Node>,
}

impl Node {
    /// An element with bytes in it.
    pub(super) fn leaf(tag: u8, content: &[u8]) -> Self {
        Self { tag, content: content.to_vec(), inner: vec![] }
    }

    /// An element with elements in it.
    pub(super) fn of(tag: u8, inner: Vec<Node>) -> Self {
        Self { tag, content: vec![], inner }
    }

    /// The one element that `bytes` are.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let (node, rest) = Self::parse_first(bytes);
        assert!(rest.is_empty());
        node
    }

    fn parse_first(bytes: &[u8]) -> (Self, &[u8]) {
        let (tag, first) = (bytes[0], bytes[1]);
        let octets = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        let long = bytes[2..2 + octets].iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        let length = if first < 0x80 { usize::from(first) } else { long };
        let (content, rest) = bytes[2 + octets..].split_at(length);
        if tag & 0x20 == 0 {
            return (Self::leaf(tag, content), rest);
        }
        let (mut inner, mut left) = (vec![], content);
        while !left.is_empty() {
            let (node, after) = Self::parse_first(left);
            inner.push(node);
            left = after;
        }
        (Self::of(tag, inner), rest)
    }

    /// The element reached by going down these positions.
    pub(super) fn at(&mut self, path: &[usize]) -> &mut Node {
        path.iter().fold(self, |node, position| &mut node.inner[*position])
    }

    /// Its DER.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let content = self.content_bytes();
        let mut bytes = vec![self.tag];
        match content.len() {
            short @ 0..=0x7f => bytes.push(u8::try_from(short).unwrap()),
            long => {
                let octets: Vec<u8> =
                    long.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
                bytes.push(0x80 | u8::try_from(octets.len()).unwrap());
                bytes.extend(octets);
            }
        }
        bytes.extend(content);
        bytes
    }

    /// The same element in BER with an indefinite length at this path.
    pub(super) fn indefinite(&self, path: &[usize]) -> Vec<u8> {
        let mut copy = self.clone();
        let node = copy.at(path);
        let mut raw = vec![node.tag, 0x80];
        raw.extend(node.content_bytes());
        raw.extend([0, 0]);
        *node = Node::leaf(RAW, &raw);
        copy.bytes()
    }

    /// Brings the members of a SET OF into the order of DER.
    pub(super) fn sort(&mut self) {
        self.inner.sort_by_key(Node::bytes);
    }

    fn content_bytes(&self) -> Vec<u8> {
        let mut content = self.content.clone();
        for node in &self.inner {
            if node.tag == RAW { content.extend(&node.content) } else { content.extend(node.bytes()) }
        }
        content
    }
}

/// A made-up tag: the content stands for itself, without a header.
const RAW: u8 = 0;
