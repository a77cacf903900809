//! Just enough DER to take a signature apart and put it together otherwise.

/// One element: its tag and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub tag: u8,
    pub content: Vec<u8>,
}

impl Element {
    /// The one element that `bytes` are.
    pub fn parse(bytes: &[u8]) -> Self {
        let [one]: [Self; 1] = Self::all(bytes).try_into().unwrap();
        one
    }

    /// The elements in a row.
    pub fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut elements = Vec::new();
        while let [tag, first, rest @ ..] = bytes {
            let (length, rest) = match first {
                0..=0x7f => (usize::from(*first), rest),
                _ => {
                    let (length, rest) = rest.split_at(usize::from(first & 0x7f));
                    (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
                }
            };
            let (content, after) = rest.split_at(length);
            elements.push(Self { tag: *tag, content: content.to_vec() });
            bytes = after;
        }
        elements
    }

    pub fn children(&self) -> Vec<Self> {
        Self::all(&self.content)
    }

    /// The same element with what `change` made of its children.
    pub fn with(&self, change: impl FnOnce(&mut Vec<Self>)) -> Self {
        let mut children = self.children();
        change(&mut children);
        Self { tag: self.tag, content: children.iter().flat_map(Self::encode).collect() }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.tag];
        match self.content.len() {
            short @ 0..=0x7f => bytes.push(u8::try_from(short).unwrap()),
            long => {
                let length: Vec<u8> = long.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
                bytes.push(0x80 | u8::try_from(length.len()).unwrap());
                bytes.extend(length);
            }
        }
        bytes.extend(&self.content);
        bytes
    }

    /// BER that is not DER: a length with a leading zero.
    pub fn encode_with_long_length(&self) -> Vec<u8> {
        let length = u32::try_from(self.content.len()).unwrap().to_be_bytes();
        [&[self.tag, 0x84][..], &length, &self.content].concat()
    }

    /// BER that is not DER: an indefinite length.
    pub fn encode_without_length(&self) -> Vec<u8> {
        [&[self.tag, 0x80][..], &self.content, &[0, 0]].concat()
    }
}
