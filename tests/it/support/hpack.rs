//! HPACK (RFC 7541), as far as requests by hand need it: written without compression, read whole.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The header fields that have a number from the start.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The lengths in bits of the Huffman codes of all bytes. The codes follow from them: they are
/// numbered by length, then by byte. The longest are of 30 bits, the last of which ends a text.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// A header field: name and value.
pub(crate) type Field = (String, String);

/// What one side has read on a connection.
#[derive(Default)]
pub(crate) struct Decoder {
    /// The newest first.
    dynamic: Vec<(Vec<u8>, Vec<u8>)>,
    limit: Option<usize>,
}

/// A block of headers, each as it is.
pub(crate) fn encoded<'f>(fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(&mut block, text.len());
            block.extend_from_slice(text);
        }
    }
    block
}

/// A number whose first byte has seven bits for it.
fn integer(block: &mut Vec<u8>, number: usize) {
    if number < 127 {
        block.push(number as u8);
        return;
    }
    block.push(127);
    let mut rest = number - 127;
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().expect("a block of headers is whole");
        self.0 = rest;
        *first
    }

    /// A number whose first byte, which has been read, has so many bits for it.
    fn number(&mut self, first: u8, bits: u32) -> usize {
        let mask = (1_usize << bits) - 1;
        let mut number = usize::from(first) & mask;
        if number < mask {
            return number;
        }
        let mut shift = 0;
        loop {
            let byte = self.byte();
            number += usize::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return number;
            }
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let first = self.byte();
        let length = self.number(first, 7);
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        if first < 128 { text.to_vec() } else { unpacked(text) }
    }
}

/// All bytes by their codes: a code's length, then its bits.
fn codes() -> &'static BTreeMap<(u8, u64), u8> {
    static CODES: OnceLock<BTreeMap<(u8, u64), u8>> = OnceLock::new();
    CODES.get_or_init(|| {
        let mut order: Vec<u8> = (0..=255).collect();
        order.sort_by_key(|byte| (LENGTHS[usize::from(*byte)], *byte));
        let (mut code, mut before) = (0, 0);
        let next = |byte: u8| {
            let length = LENGTHS[usize::from(byte)];
            code <<= length - before;
            before = length;
            code += 1;
            ((length, code - 1), byte)
        };
        order.into_iter().map(next).collect()
    })
}

/// A text in Huffman's code.
fn unpacked(packed: &[u8]) -> Vec<u8> {
    let codes = codes();
    let mut text = Vec::new();
    let (mut length, mut code) = (0, 0);
    for at in 0..packed.len() * 8 {
        code = code << 1 | u64::from(packed[at / 8] >> (7 - at % 8) & 1);
        length += 1;
        if let Some(byte) = codes.get(&(length, code)) {
            text.push(*byte);
            (length, code) = (0, 0);
        }
    }
    text
}

impl Decoder {
    /// The fields of a block.
    pub(crate) fn decoded(&mut self, block: &[u8]) -> Vec<Field> {
        let mut reader = Reader(block);
        let mut fields = Vec::new();
        while !reader.0.is_empty() {
            let first = reader.byte();
            let (bits, kept) = match first {
                128.. => {
                    let number = reader.number(first, 7);
                    let (name, value) = self.at(number);
                    fields.push((lossy(&name), lossy(&value)));
                    continue;
                }
                64.. => (6, true),
                32.. => {
                    self.limit = Some(reader.number(first, 5));
                    self.evict();
                    continue;
                }
                _ => (4, false),
            };
            let name = match reader.number(first, bits) {
                0 => reader.text(),
                number => self.at(number).0,
            };
            let value = reader.text();
            fields.push((lossy(&name), lossy(&value)));
            if kept {
                self.dynamic.insert(0, (name, value));
                self.evict();
            }
        }
        fields
    }

    fn at(&self, number: usize) -> (Vec<u8>, Vec<u8>) {
        match STATIC.get(number.wrapping_sub(1)) {
            Some((name, value)) => (name.as_bytes().to_vec(), value.as_bytes().to_vec()),
            None => self.dynamic[number - STATIC.len() - 1].clone(),
        }
    }

    fn evict(&mut self) {
        let size = |(name, value): &(Vec<u8>, Vec<u8>)| name.len() + value.len() + 32;
        while self.dynamic.iter().map(size).sum::<usize>() > self.limit.unwrap_or(4_096) {
            self.dynamic.pop();
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn texts_of_the_standard_are_read() {
    // RFC 7541, C.4.1 and C.4.2: two requests on one connection.
    let mut decoder = Decoder::default();
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    };
    let show = |fields: Vec<Field>| -> String {
        fields.iter().map(|(name, value)| format!("{name}={value} ")).collect()
    };
    let first = show(decoder.decoded(&hex("828684418cf1e3c2e5f23a6ba0ab90f4ff")));
    assert_eq!(first, ":method=GET :scheme=http :path=/ :authority=www.example.com ");
    let second = show(decoder.decoded(&hex("828684be5886a8eb10649cbf")));
    assert!(second.ends_with(":authority=www.example.com cache-control=no-cache "), "{second}");
    let own = encoded([(&b"x-a"[..], &[b'a'; 300][..])]);
    assert_eq!(decoder.decoded(&own), [("x-a".to_owned(), "a".repeat(300))]);
}
